"""Building the cluster's programs once and keeping them for every later run."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from localcluster.errors import LocalClusterError
from localcluster.go_modules import GoModule
from localcluster.locks import locked
from localcluster.paths import binaries_folder
from localcluster.progress import Progress, seconds_between_reports

# cgo would tie the programs to this machine's C library, and none of them needs it.
_ENVIRONMENT = {"CGO_ENABLED": "0", "GOWORK": "off"}


def build_all(modules: Iterable[GoModule], progress: Progress) -> dict[str, Path]:
    """Return the path of every program of `modules`, building those that are not cached.

    Raises:
        LocalClusterError: Go is missing or a build failed.
    """
    modules = list(modules)
    programs: dict[str, Path] = {}
    for number, module in enumerate(modules, start=1):
        folder = binaries_folder() / f"{module.name}-{_fingerprint(module)}"
        if not folder.is_dir():
            _build_once(module, folder, f"{number} of {len(modules)}", progress)
        programs.update({program: folder / program for program in module.programs})
    return programs


def _fingerprint(module: GoModule) -> str:
    """Hash everything that decides what is built."""
    digest = hashlib.sha256()
    sources = [module.folder / "go.mod", module.folder / "go.sum", *sorted(module.folder.glob("*.go"))]
    for source in sources:
        digest.update(source.read_bytes())
    digest.update(repr((module.programs, module.linker_flags, module.extras, platform.machine())).encode())
    return digest.hexdigest()[:16]


def _build_once(module: GoModule, folder: Path, which: str, progress: Progress) -> None:
    def waiting() -> None:
        progress(f"waiting for another process that is building {module.title}")

    with locked(folder.with_name(f"{module.name}.lock"), when_waiting=waiting):
        if folder.is_dir():
            return
        # In the same folder, so that the rename below is atomic.
        temporary = Path(tempfile.mkdtemp(prefix=f".{module.name}-", dir=folder.parent))
        try:
            _build(module, temporary, which, progress)
            temporary.chmod(0o755)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _build(module: GoModule, output: Path, which: str, progress: Progress) -> None:
    go = shutil.which("go")
    if go is None:
        raise LocalClusterError(
            "Go is not installed, and the cluster's programs are built from source. "
            "Install Go 1.26 or newer from https://go.dev/dl/ and see that `go` is on the PATH."
        )
    log = output / "build.log"
    started = time.monotonic()
    with log.open("wb") as errors:
        builds = [
            # -v writes a line per compiled package, which is the only sign of progress that Go gives.
            [go, "build", "-v", "-trimpath", "-mod=readonly", "-buildvcs=false", "-ldflags", module.linker_flags,
             "-o", str(output / program), package]
            for program, package in module.programs.items()
        ]  # fmt: skip
        for done, (program, command) in enumerate(zip(module.programs, builds, strict=True), start=1):
            process = subprocess.Popen(
                command, cwd=module.folder, env={**os.environ, **_ENVIRONMENT}, stdout=errors, stderr=errors
            )
            try:
                _report(process, log, f"building {module.title} ({which}): {program}, {done} of {len(builds)}",
                        started, progress)  # fmt: skip
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
            if process.returncode != 0:
                raise LocalClusterError(
                    f"Building {program} failed (exit code {process.returncode}). Go's last lines:\n"
                    + "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                    + "\nIf a download failed, check GOPROXY and the network; if Go is too old, install 1.26 or newer."
                )
    log.unlink()
    _copy_extras(module, output, go)


def _copy_extras(module: GoModule, output: Path, go: str) -> None:
    if not module.extras:
        return
    source = subprocess.run(
        [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module.extras_from],
        cwd=module.folder, env={**os.environ, **_ENVIRONMENT}, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    for name, parts in module.extras.items():
        (output / name).write_text("\n---\n".join((Path(source) / part).read_text() for part in parts))


def _report(process: subprocess.Popen[bytes], log: Path, what: str, started: float, progress: Progress) -> None:
    while True:
        packages = log.read_bytes().count(b"\n")
        progress(f"{what}, {packages} packages compiled, {time.monotonic() - started:.0f} s")
        try:
            process.wait(timeout=seconds_between_reports())
            return
        except subprocess.TimeoutExpired:
            continue
