"""What pip installs: the wheel that the tests run with, which differs from a release in optimization only."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "target" / "wheel"


@pytest.fixture(scope="module")
def wheel() -> zipfile.ZipFile:
    """Returns the wheel that was built last."""
    wheels = sorted(FOLDER.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    assert wheels, "There is no wheel in target/wheel: `make unit` builds it first."
    return zipfile.ZipFile(wheels[-1])


def test_it_serves_every_python_from_3_10_on(wheel: zipfile.ZipFile) -> None:
    assert "-cp310-abi3-" in str(wheel.filename)


def test_it_has_the_packages_that_users_import_and_no_others(wheel: zipfile.ZipFile) -> None:
    top_level = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name}
    assert top_level == {"flytekitplugins_k8sdataservice", "flytekitplugins", "utils"}


def test_it_shadows_no_package_of_the_users_own(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "flytekitplugins/k8sdataservice/__init__.py" in names
    assert "utils/infra.py" in names
    assert "flytekitplugins/__init__.py" not in names
    assert "utils/__init__.py" not in names


def test_it_carries_its_types_and_its_licence(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "flytekitplugins_k8sdataservice/py.typed" in names
    assert "flytekitplugins_k8sdataservice/_core.pyi" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_flytekit_is_told_of_the_plugin(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "k8sdataservice=flytekitplugins_k8sdataservice" in wheel.read(entry_points).decode()


def test_the_kubernetes_package_is_not_needed(wheel: zipfile.ZipFile) -> None:
    (metadata,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
    required = [line for line in wheel.read(metadata).decode().splitlines() if line.startswith("Requires-Dist:")]
    assert [line for line in required if "extra ==" not in line] == ["Requires-Dist: flytekit>=1.16.0,<2"]
