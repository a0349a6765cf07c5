"""The versions that the local cluster can have."""

from __future__ import annotations

import re

import pytest
from localcluster import LocalClusterError
from localcluster.go_modules import kubernetes
from localcluster.versions import DEFAULT, VARIABLE, VERSIONS, chosen_version, minor_of


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_a_module_of_its_own_release(version: str) -> None:
    text = (kubernetes(version).folder / "go.mod").read_text()
    assert re.search(rf"^\tk8s\.io/kubernetes v{re.escape(version)} ", text, re.MULTILINE)
    libraries = re.findall(r"^\tk8s\.io/\S+ => k8s\.io/\S+ v(\S+)$", text, re.MULTILINE)
    assert set(libraries) == {f"0.{version.partition('.')[2]}"}
    assert (kubernetes(version).folder / "go.sum").is_file()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_is_chosen_by_its_minor_number_or_in_full(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_version(version) == chosen_version(minor_of(version)) == chosen_version(f"v{version}") == version
    monkeypatch.setenv(VARIABLE, minor_of(version))
    assert chosen_version() == version
    assert chosen_version(DEFAULT) == DEFAULT


def test_nobody_has_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_version() is None
    monkeypatch.setenv(VARIABLE, "")
    assert chosen_version() is None
    assert DEFAULT in VERSIONS


@pytest.mark.parametrize("version", ["1.3", "1.36.99", "latest", "36"])
def test_a_version_that_is_not_there_is_refused_with_those_that_are(version: str) -> None:
    with pytest.raises(LocalClusterError, match=re.escape(", ".join(VERSIONS))):
        chosen_version(version)
