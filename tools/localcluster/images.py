"""The images of the cluster, made by hand from this machine's own programs and loaded without a registry."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path

from localcluster.errors import LocalClusterError
from localcluster.private_mounts import CONTAINERD_SOCKET, in_namespace_of
from localcluster.record import ProcessRecord

PAUSE_IMAGE = "localhost/pause:1"
BUSYBOX_IMAGE = "docker.io/library/busybox:latest"
BUSYBOX_TAGS = (BUSYBOX_IMAGE, "docker.io/library/busybox:1.35", "registry.example/data-service:1")

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_ACCOUNTS = """root:x:0:0:root:/root:/bin/sh
service:x:1001:1001:service:/home/service:/bin/sh
nobody:x:65534:65534:nobody:/tmp:/bin/false
"""
_GROUPS = "root:x:0:\nservice:x:1001:\nnogroup:x:65534:\n"


def make_images(folder: Path) -> list[Path]:
    """Make the archives of the two images and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pause = folder / "pause"
    _run("cc", "-Os", "-static", "-o", str(pause), str(Path(__file__).with_name("pause.c")))
    return [
        _archive(folder / "pause.tar", _pause_layer(pause), ["/pause"], [PAUSE_IMAGE]),
        _archive(folder / "busybox.tar", _busybox_layer(), ["/bin/sh"], list(BUSYBOX_TAGS)),
    ]


def is_listening(containerd: ProcessRecord, socket_file: Path) -> bool:
    """Tell whether containerd answers.

    Args:
        containerd: Its process.
        socket_file: Its socket as seen from outside; without it, the machine's own containerd might answer.
    """
    return (
        socket_file.exists()
        and subprocess.run(_ctr(containerd, "version"), capture_output=True, check=False).returncode == 0
    )


def load_image(containerd: ProcessRecord, archive: Path) -> None:
    """Load an archive into containerd."""
    _run(*_ctr(containerd, "images", "import", str(archive)))


def tag_image(containerd: ProcessRecord, image: str) -> None:
    """Give the busybox image one more name."""
    _run(*_ctr(containerd, "images", "tag", "--force", BUSYBOX_IMAGE, full_name(image)))


def full_name(image: str) -> str:
    """Return an image's name the way containerd writes it.

    Usage:
        >>> full_name("redis")
        'docker.io/library/redis:latest'
    """
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    has_tag = ":" in image.rpartition("/")[2] or "@" in image
    return image if has_tag else f"{image}:latest"


def _pause_layer(pause: Path) -> bytes:
    layer = _Layer()
    layer.file("pause", pause.read_bytes(), 0o755)
    return layer.finish()


def _busybox_layer() -> bytes:
    layer = _Layer()
    for folder, mode in {"bin": 0o755, "etc": 0o755, "home": 0o755, "root": 0o700, "tmp": 0o1777, "usr": 0o755,
                         "usr/bin": 0o755, "var": 0o755, "var/tmp": 0o1777}.items():  # fmt: skip
        layer.folder(folder, mode)
    layer.folder("home/service", 0o755, owner=1001)
    layer.file("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755)
    layer.file("bin/bash", Path("/bin/bash-static").read_bytes(), 0o755)
    applets = _run("/bin/busybox", "--list").split()
    for applet in applets:
        if applet not in ("busybox", "bash"):
            layer.link(f"bin/{applet}", "busybox")
    layer.link("usr/bin/env", "../../bin/busybox")
    # The service of the documented example: `/usr/bin/my-service --port 40000`.
    layer.file("usr/bin/my-service", b'#!/bin/sh\nexec httpd -f -p "$2" -h /tmp\n', 0o755)
    layer.file("etc/passwd", _ACCOUNTS.encode(), 0o644)
    layer.file("etc/group", _GROUPS.encode(), 0o644)
    # Without it the C library asks the DNS server before it reads the pod's own hosts file.
    layer.file("etc/nsswitch.conf", b"hosts: files dns\n", 0o644)
    return layer.finish()


class _Layer:
    """A file system layer with fixed times and owners, so that the same content has the same digest."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._bytes, mode="w")

    def file(self, name: str, content: bytes, mode: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), mode
        self._tar.addfile(entry, io.BytesIO(content))

    def folder(self, name: str, mode: int, owner: int = 0) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, owner, owner
        self._tar.addfile(entry)

    def link(self, name: str, target: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
        self._tar.addfile(entry)

    def finish(self) -> bytes:
        self._tar.close()
        return self._bytes.getvalue()


def _archive(path: Path, layer: bytes, command: list[str], tags: list[str]) -> Path:
    configuration = json.dumps({
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Cmd": command, "Env": ["PATH=/bin:/usr/bin"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }).encode()  # fmt: skip
    manifest = json.dumps([{"Config": "config.json", "RepoTags": tags, "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as archive:
        for name, content in (("layer.tar", layer), ("config.json", configuration), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def _ctr(containerd: ProcessRecord, *arguments: str) -> list[str]:
    command = ["ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io", *arguments]
    return in_namespace_of(containerd.pid, command)


def _run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LocalClusterError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
    return result.stdout
