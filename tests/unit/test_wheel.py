"""The installed wheels: those that the tests run with, whose core differs from a release in optimization only."""

from __future__ import annotations

import re
import zipfile
from configparser import ConfigParser
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "target" / "wheel"

#: The prefix of the project's pages.
HERE = "https://github.com/flyteorg/flytekitplugins-k8sdataservice/blob/main/"


class Wheel:
    """A wheel, and what it says of itself."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.archive = zipfile.ZipFile(path)
        self.files = self.archive.namelist()

    def of_dist_info(self, name: str) -> bytes:
        """Returns a file of the wheel's own description."""
        (path,) = (each for each in self.files if each.endswith(f".dist-info/{name}"))
        return self.archive.read(path)

    @property
    def metadata(self) -> Message:
        """The metadata that PyPI and pip show of the package."""
        return message_from_bytes(self.of_dist_info("METADATA"))

    @property
    def required(self) -> set[str]:
        """The requirements of the package, as ``packaging`` writes it, whatever tool has built the wheel."""
        return {str(Requirement(each)) for each in self.metadata.get_all("Requires-Dist") or []}


def newest(pattern: str) -> Wheel:
    wheels = sorted(FOLDER.glob(pattern), key=lambda path: path.stat().st_mtime)
    assert wheels, f"There is no {pattern} in target/wheel: `make unit` builds it first."
    return Wheel(wheels[-1])


@pytest.fixture(scope="module")
def neutral() -> Wheel:
    """Returns the wheel with the core."""
    return newest("k8sdataservice-*.whl")


@pytest.fixture(scope="module")
def plugin() -> Wheel:
    """Returns the wheel of the plugin for flytekit."""
    return newest("flytekitplugins_k8sdataservice-*.whl")


@pytest.fixture(params=["neutral", "plugin"])
def wheel(request: pytest.FixtureRequest) -> Wheel:
    """Returns each wheel."""
    each: Wheel = request.getfixturevalue(request.param)
    return each


def test_one_wheel_serves_every_python_from_3_10_on(neutral: Wheel, plugin: Wheel) -> None:
    assert "-cp310-abi3-" in neutral.name
    assert b"Root-Is-Purelib: false" in neutral.of_dist_info("WHEEL")
    assert plugin.name.endswith("-py3-none-any.whl")
    assert b"Root-Is-Purelib: true" in plugin.of_dist_info("WHEEL")
    assert {each.metadata["Requires-Python"] for each in (neutral, plugin)} == {">=3.10"}


def test_they_have_the_packages_that_users_import_and_no_others(neutral: Wheel, plugin: Wheel) -> None:
    def top_level(wheel: Wheel) -> set[str]:
        return {name.split("/")[0] for name in wheel.files if ".dist-info/" not in name}

    assert top_level(neutral) == {"k8sdataservice"}
    assert top_level(plugin) == {"flytekitplugins_k8sdataservice", "flytekitplugins", "utils"}
    assert [name for name in neutral.files if name.endswith((".so", ".pyd"))] == ["k8sdataservice/_core.abi3.so"]
    assert all(name.endswith((".py", "/py.typed")) for name in plugin.files if ".dist-info/" not in name)


def test_the_plugin_shadows_no_package_of_the_users_own(plugin: Wheel) -> None:
    assert "flytekitplugins/k8sdataservice/__init__.py" in plugin.files
    assert "utils/infra.py" in plugin.files
    assert "flytekitplugins/__init__.py" not in plugin.files
    assert "utils/__init__.py" not in plugin.files


def test_they_carry_their_types_and_their_licence(neutral: Wheel, plugin: Wheel) -> None:
    assert {"k8sdataservice/py.typed", "k8sdataservice/_core.pyi"} <= set(neutral.files)
    assert "flytekitplugins_k8sdataservice/py.typed" in plugin.files
    assert "flytekitplugins/k8sdataservice/py.typed" in plugin.files
    for wheel in (neutral, plugin):
        assert wheel.of_dist_info("licenses/LICENSE") == (PROJECT / "LICENSE").read_bytes()
        assert wheel.metadata["License-Expression"] == "Apache-2.0"


def test_flytekit_is_reported_of_the_plugin_and_the_shell_of_the_commands(neutral: Wheel, plugin: Wheel) -> None:
    def entry_points(wheel: Wheel) -> dict[str, dict[str, str]]:
        parser = ConfigParser()
        parser.read_string(wheel.of_dist_info("entry_points.txt").decode())
        return {section: dict(parser[section]) for section in parser.sections()}

    assert entry_points(plugin) == {"flytekit.plugins": {"k8sdataservice": "flytekitplugins_k8sdataservice"}}
    script = "k8sdataservice.cli.main:main"
    assert entry_points(neutral) == {
        "console_scripts": {"dataservice": script, "kubectl-dataservice": script},
        "pytest11": {"k8sdataservice": "k8sdataservice.testing.plugin"},
    }


def test_only_the_plugin_needs_flytekit_and_none_the_kubernetes_package(neutral: Wheel, plugin: Wheel) -> None:
    assert neutral.required == {"click>=8", "pyyaml!=6.0.0,>=5.4.1", "rich>=12"}
    assert plugin.required == {
        "flytekit<2,>=1.16.0",
        f"k8sdataservice=={neutral.metadata['Version']}",
        'flytekit[connector]<2,>=1.16.0; extra == "connector"',
        'kubernetes>=23.6.0; extra == "kubernetes"',
    }


def test_each_says_where_the_documentation_is(wheel: Wheel) -> None:
    urls = {each.partition(",")[0] for each in wheel.metadata.get_all("Project-URL") or []}
    assert urls == {"Changelog", "Documentation", "Homepage", "Issues", "Repository"}
    packages = [name for name in wheel.files if re.search(r"k8sdataservice/__init__\.py$", name)]
    assert packages
    for package in packages:
        source = wheel.archive.read(package).decode()
        assert "Documentation: https://github.com/flyteorg/flytekitplugins-k8sdataservice" in source


def test_every_link_of_each_readme_works_on_pypi(neutral: Wheel, plugin: Wheel) -> None:
    for wheel, file, fewest in ((neutral, "python/README.md", 2), (plugin, "README.md", 11)):
        readme = str(wheel.metadata.get_payload())
        assert readme.strip() == (PROJECT / file).read_text().strip()
        links = re.findall(r"\]\(([^)]*)\)|^\[\w+\]: (\S+)$", readme, re.M)
        links = [inline or defined for inline, defined in links]
        assert set(re.findall(r"\]\[(\w+)\]", readme)) == set(re.findall(r"^\[(\w+)\]: ", readme, re.M))
        assert len(links) >= fewest
        assert ("[kubernetes]" in readme) == (wheel is plugin)
        assert [link for link in links if not link.startswith("https://")] == []
        paths = [link.removeprefix(HERE).split("#")[0] for link in links if link.startswith(HERE)]
        assert [path for path in paths if not (PROJECT / path).exists()] == []
