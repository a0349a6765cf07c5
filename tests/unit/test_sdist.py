"""The source distributions: each has all that its wheel is built from."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def extract(folder: Path) -> Path:
    """Extracts the only archive of a folder, and returns what it has."""
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    [source] = [each for each in folder.iterdir() if each.is_dir()]
    return source


def tracked(*paths: str) -> set[str]:
    listed = subprocess.run(["git", "ls-files", *paths], cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("the sources are not in a git repository")
    return set(listed.stdout.split())


def test_the_core_can_be_built_from_its_source(tmp_path: Path) -> None:
    run(BIN / "maturin", "sdist", "--out", tmp_path, cwd=PROJECT)
    source = extract(tmp_path)
    wanted = tracked("src", "crates", "python", "Cargo.toml", "Cargo.lock", "pyproject.toml")
    found = {str(file.relative_to(source)) for file in source.rglob("*") if file.is_file()}
    # Tests need more than a wheel does.
    assert {name for name in wanted - found if "/tests/" not in name} == set()
    # The lock file fits the manifests, and no member of the workspace is missing.
    run("cargo", "metadata", "--locked", "--offline", "--format-version", "1", cwd=source)


def test_the_wheel_of_the_plugin_is_the_same_from_its_source(tmp_path: Path) -> None:
    (tmp_path / "sdist").mkdir()
    (tmp_path / "wheel").mkdir()
    build = (sys.executable, "-m", "build", "--no-isolation")
    run(*build, "--sdist", "--outdir", tmp_path / "sdist", PROJECT / "plugins" / "flytekit", cwd=tmp_path)
    run(*build, "--wheel", "--outdir", tmp_path / "wheel", extract(tmp_path / "sdist"), cwd=tmp_path)
    [built] = (tmp_path / "wheel").iterdir()
    [direct] = (PROJECT / "target" / "wheel").glob("flytekitplugins_*.whl")
    assert contents(built) == contents(direct)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}
