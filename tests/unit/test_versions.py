"""All distributions have one version, which Cargo.toml says, and need each other in that version."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

PROJECT = Path(__file__).parents[2]

#: The distributions, each with its pyproject.toml.
DISTRIBUTIONS = {
    "k8sdataservice": PROJECT / "pyproject.toml",
    "flytekitplugins-k8sdataservice": PROJECT / "plugins/flytekit/pyproject.toml",
}


def cargo_version() -> Version:
    """Returns the version of the workspace, whose every crate has it."""
    workspace = re.search(
        r'^\[workspace\.package\]\n(?:.+\n)*?version = "(.+)"$', (PROJECT / "Cargo.toml").read_text(), re.M
    )
    assert workspace
    return Version(workspace[1])


def strings(text: str, key: str) -> list[str]:
    """Returns the strings of a key of a pyproject.toml, which Python reads by itself from 3.11 on only."""
    found = re.search(rf"^{key} = (\[[^\]]*(?:\[\w+\][^\]]*)*\]|\".*\")$", text, re.M)
    return re.findall(r'"([^"]+)"', found[1]) if found else []


def test_every_pyproject_is_one_of_these() -> None:
    found = {*PROJECT.glob("plugins/*/pyproject.toml"), PROJECT / "pyproject.toml"}
    assert found == set(DISTRIBUTIONS.values())


def test_every_crate_has_the_version_of_the_workspace() -> None:
    crates = [PROJECT / "Cargo.toml", *PROJECT.glob("crates/*/Cargo.toml")]
    assert all("\nversion.workspace = true\n" in crate.read_text() for crate in crates)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_every_distribution_has_the_version_of_cargo_toml(distribution: str) -> None:
    text = DISTRIBUTIONS[distribution].read_text()
    assert strings(text, "name") == [distribution]
    # maturin takes it from Cargo.toml.
    taken = strings(text, "dynamic") == ["version"] and "[tool.maturin]" in text
    assert taken or [Version(each) for each in strings(text, "version")] == [cargo_version()]
    assert Version(version(distribution)) == cargo_version(), "as it is installed"


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_distributions_require_each_other_in_the_same_version(distribution: str) -> None:
    needed = [Requirement(each) for each in strings(DISTRIBUTIONS[distribution].read_text(), "dependencies")]
    assert needed
    ours = [each for each in needed if each.name in DISTRIBUTIONS]
    assert [str(each.specifier) for each in ours] == [f"=={cargo_version()}"] * len(ours)
    assert bool(ours) == (distribution != "k8sdataservice")
