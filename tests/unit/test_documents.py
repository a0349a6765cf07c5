"""Facts that several documents contain are equal in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from k8sdataservice import settings

PROJECT = Path(__file__).parents[2]

#: The files with the connector's permissions in one namespace, and in those of projects.
ROLES = ("rbac.yaml", "rbac-projects.yaml")


def test_the_permissions_page_has_the_whole_role() -> None:
    role = (PROJECT / "examples" / "rbac.yaml").read_text()
    page = (PROJECT / "docs" / "permissions.md").read_text()
    shown = next(block for block in page.split("```yaml\n") if block.startswith("rules:")).split("```")[0]
    assert shown in role
    assert yaml.safe_load(shown)["rules"] == next(yaml.safe_load_all(role))["rules"]


def test_the_packages_give_the_addresses_of_examples_since_they_have_none_of_them() -> None:
    pages = "https://github.com/flyteorg/flytekitplugins-k8sdataservice/blob/main/"
    folders = (PROJECT / "python", PROJECT / "plugins" / "flytekit" / "src")
    texts = [path.read_text() for folder in folders for path in folder.rglob("*.py*") if path.suffix in (".py", ".pyi")]
    named = [name for text in texts for name in re.findall(r"\S*examples/[\w./-]*\w", text)]
    assert named
    for name in named:
        assert name.startswith(pages) and (PROJECT / name.removeprefix(pages)).is_file(), name


def test_the_permissions_for_projects_are_those_for_one_namespace() -> None:
    one, projects = (next(yaml.safe_load_all((PROJECT / "examples" / name).read_text())) for name in ROLES)
    assert projects["rules"] == one["rules"]


def test_the_documented_settings_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PROJECT / "docs" / "settings.md").read_text()
    example = tmp_path / "settings.yaml"
    example.write_text(next(block for block in text.split("```yaml\n")[1:]).split("```")[0])
    monkeypatch.setenv("K8SDATASERVICE_SETTINGS", str(example))
    settings.check()
    unsaid = [setting for setting, _, source in settings.shown() if source == settings.DEFAULT]
    assert not unsaid, "the example has every setting"
