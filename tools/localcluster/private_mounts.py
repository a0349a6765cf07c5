"""A mount namespace for the node, so that nothing it mounts or writes in fixed places reaches the machine.

containerd and the kubelet have folders and kernel settings in their source code. In the namespace each is covered
by a file or folder of the cluster, which also keeps the paths of their sockets short, wherever the cluster's folder
is. When the last process of the node ends, every mount ends with it, even where the process was killed.
"""

from __future__ import annotations

from pathlib import Path

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
KUBELET_FOLDER = "/var/lib/kubelet"

COVERED_FOLDERS = ("/run/containerd", "/var/lib/cni", KUBELET_FOLDER, "/var/log/containers")

# The kernel settings that the kubelet would otherwise change for the whole machine, with the values that it expects.
COVERED_SETTINGS = {
    "/proc/sys/kernel/panic": "10",
    "/proc/sys/kernel/panic_on_oops": "1",
    "/proc/sys/kernel/keys/root_maxbytes": "25000000",
    "/proc/sys/kernel/keys/root_maxkeys": "1000000",
    "/proc/sys/vm/overcommit_memory": "1",
    "/proc/sys/vm/panic_on_oom": "0",
}

_SCRIPT = 'set -e; while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done; shift; exec "$@"'


def missing_folders() -> list[str]:
    """Return the folders that have to be made to be covered, parents before children."""
    missing: list[str] = []
    for folder in map(Path, COVERED_FOLDERS):
        missing.extend(
            str(path) for path in [*reversed(folder.parents), folder] if not path.exists() and str(path) not in missing
        )
    return missing


def covering(folder: Path, path: str) -> Path:
    """Return what covers `path`, where all covers are in `folder`."""
    return folder / path.strip("/").replace("/", "-")


def in_new_namespace(folder: Path, command: list[str]) -> list[str]:
    """Return the command that runs `command` in a new namespace whose covers are kept in `folder`."""
    pairs: list[str] = []
    for path in COVERED_FOLDERS:
        cover = covering(folder, path)
        cover.mkdir(parents=True, exist_ok=True)
        Path(path).mkdir(parents=True, exist_ok=True)
        pairs += [str(cover), path]
    for path, value in COVERED_SETTINGS.items():
        if Path(path).exists():
            cover = covering(folder, path)
            cover.write_text(f"{value}\n")
            pairs += [str(cover), path]
    return [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "/bin/sh",
        "-c",
        _SCRIPT,
        "mounts",
        *pairs,
        "--",
        *command,
    ]


def in_namespace_of(pid: int, command: list[str]) -> list[str]:
    """Return the command that runs `command` where the process `pid` is."""
    return ["nsenter", f"--mount=/proc/{pid}/ns/mnt", "--", *command]
