"""What pip installs: the wheel that the tests run with, which differs from a release in optimization only."""

from __future__ import annotations

import re
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
    assert "flytekitplugins/k8sdataservice/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_flytekit_is_told_of_the_plugin(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "k8sdataservice=flytekitplugins_k8sdataservice" in wheel.read(entry_points).decode()


def metadata(wheel: zipfile.ZipFile) -> str:
    """Returns what PyPI and pip know of the package."""
    (name,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
    return wheel.read(name).decode()


def test_the_kubernetes_package_is_not_needed_and_is_an_extra(wheel: zipfile.ZipFile) -> None:
    required = [line for line in metadata(wheel).splitlines() if line.startswith("Requires-Dist:")]
    assert [line for line in required if "extra ==" not in line] == ["Requires-Dist: flytekit>=1.16.0,<2"]
    assert "Requires-Dist: kubernetes>=23.6.0 ; extra == 'kubernetes'" in required


def test_it_says_where_the_documentation_is(wheel: zipfile.ZipFile) -> None:
    urls = [line for line in metadata(wheel).splitlines() if line.startswith("Project-URL:")]
    assert [line.split()[1] for line in urls] == ["Changelog,", "Documentation,", "Homepage,", "Issues,", "Repository,"]
    for module in ("flytekitplugins_k8sdataservice", "flytekitplugins/k8sdataservice"):
        source = wheel.read(f"{module}/__init__.py").decode()
        assert "Documentation: https://github.com/flyteorg/flytekitplugins-k8sdataservice" in source


def test_every_link_of_the_readme_works_on_pypi(wheel: zipfile.ZipFile) -> None:
    links = re.findall(r"\]\(([^)]*)\)", metadata(wheel))
    assert len(links) > 10
    assert [link for link in links if not link.startswith("https://")] == []
    here = "https://github.com/flyteorg/flytekitplugins-k8sdataservice/blob/main/"
    paths = [link.removeprefix(here).split("#")[0] for link in links if link.startswith(here)]
    assert [path for path in paths if not (FOLDER.parents[1] / path).exists()] == []
