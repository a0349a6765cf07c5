"""The Python environments that are compared, cached between runs."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from bench.errors import BenchError
from bench.processes import environment, run
from bench.progress import Progress

PEER_REQUIREMENT = "flytekitplugins-k8sdataservice==1.16.31"

#: The last file that is written, so that an environment whose installation was interrupted is not taken for complete.
_COMPLETE = "bench-complete"


@dataclass(frozen=True)
class Venv:
    """An environment with flytekit and at most one plugin."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def pyflyte(self) -> Path:
        """Its `pyflyte`."""
        return self.folder / "bin" / "pyflyte"


@dataclass(frozen=True)
class Venvs:
    """The environments. What two of them have in common has the same version in both."""

    plain: Venv
    ours: Venv
    peer: Venv
    before: Venv | None
    """That of an earlier version of ours, where one is given."""


def cache_folder() -> Path:
    """Returns where environments are kept between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "flytekitplugins-k8sdataservice" / "bench-venvs"


def prepare(checkout: Path, baseline: Sequence[Path] | None, progress: Progress) -> Venvs:
    """Builds the checkout's wheels, and each environment unless one with the same contents already exists.

    Args:
        checkout: The project.
        baseline: The wheels of an earlier version to measure beside it.
        progress: Told of each step.

    Raises:
        BenchError: Something could not be built or installed.
    """
    flytekit = f"flytekit[connector]=={version('flytekit')}"
    plain = _venv("plain", [flytekit], None, progress)
    # The peer's pins must not change flytekit's own dependencies: the difference would be charged to one of the two.
    constraints = run([plain.python, "-m", "pip", "freeze"], what="list what flytekit depends on")
    with TemporaryDirectory(prefix="bench-wheel-") as folder:
        progress("building the wheels")
        wheels = _build_wheels(checkout, Path(folder))
        ours = _venv("ours", [flytekit, *map(str, wheels)], constraints, progress)
    peer = _venv("peer", [flytekit, PEER_REQUIREMENT], constraints, progress)
    before = _venv("before", [flytekit, *map(str, baseline)], constraints, progress) if baseline else None
    return Venvs(plain=plain, ours=ours, peer=peer, before=before)


def _build_wheels(checkout: Path, folder: Path) -> list[Path]:
    maturin = Path(sys.executable).with_name("maturin")
    if not maturin.exists():
        raise BenchError(
            "There is no maturin beside this Python. Run the benchmark in the project's own environment: `make bench`."
        )
    core: list[str | Path] = [maturin, "build", "--release", "--quiet", "--out", folder]
    plugin: list[str | Path] = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder]
    for command in (core, [*plugin, checkout / "plugins" / "flytekit"]):
        run(command, what="build the wheels", env=environment(proxies=True), cwd=checkout)
    return sorted(folder.glob("*.whl"))


def _venv(name: str, requirements: Sequence[str], constraints: str | None, progress: Progress) -> Venv:
    folder = cache_folder() / f"{name}-{_hash(requirements, constraints)}"
    venv = Venv(folder)
    if (folder / _COMPLETE).exists():
        return venv
    progress(f"installing the environment {name}")
    for superseded in cache_folder().glob(f"{name}-*"):
        shutil.rmtree(superseded)
    run([sys.executable, "-m", "venv", folder], what=f"make the environment {name}")
    install: list[str | Path] = [venv.python, "-m", "pip", "install", "--quiet", *requirements]
    if constraints is not None:
        listed = folder / "constraints.txt"
        listed.write_text(constraints)
        install += ["--constraint", listed]
    run(install, what=f"install {' and '.join(requirements)}", env=environment(proxies=True))
    (folder / _COMPLETE).touch()
    return venv


def _hash(requirements: Sequence[str], constraints: str | None) -> str:
    digest = hashlib.sha256(f"{platform.python_version()} {sys.executable} {constraints}".encode())
    for requirement in requirements:
        digest.update(_contents(requirement) if requirement.endswith(".whl") else requirement.encode())
    return digest.hexdigest()[:16]


def _contents(wheel: str) -> bytes:
    # The list of the core's components has a new serial number in each build, and RECORD has the list's hash.
    varying = (".cyclonedx.json", "/RECORD")
    with ZipFile(wheel) as archive:
        files = sorted((file.filename, file.CRC) for file in archive.infolist())
    return repr([file for file in files if not file[0].endswith(varying)]).encode()
