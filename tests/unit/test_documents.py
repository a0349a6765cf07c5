"""What the documents say twice, they say equally."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from flytekitplugins_k8sdataservice import settings

PROJECT = Path(__file__).parents[2]


def test_the_permissions_page_has_the_whole_role() -> None:
    role = (PROJECT / "examples" / "rbac.yaml").read_text()
    page = (PROJECT / "docs" / "permissions.md").read_text()
    shown = next(block for block in page.split("```yaml\n") if block.startswith("rules:")).split("```")[0]
    assert shown in role
    assert yaml.safe_load(shown)["rules"] == next(yaml.safe_load_all(role))["rules"]


def test_the_documented_settings_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PROJECT / "docs" / "settings.md").read_text()
    example = tmp_path / "settings.yaml"
    example.write_text(next(block for block in text.split("```yaml\n")[1:]).split("```")[0])
    monkeypatch.setenv("K8SDATASERVICE_SETTINGS", str(example))
    settings.check()
    unsaid = [setting for setting, _, source in settings.shown() if source == settings.DEFAULT]
    assert not unsaid, "the example has every setting"
