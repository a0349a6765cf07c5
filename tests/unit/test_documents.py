"""What the documents say twice, they say equally."""

from __future__ import annotations

from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]


def test_the_readme_has_the_whole_role() -> None:
    role = (PROJECT / "examples" / "rbac.yaml").read_text()
    readme = (PROJECT / "README.md").read_text()
    shown = next(block for block in readme.split("```yaml\n") if block.startswith("rules:")).split("```")[0]
    assert shown in role
    assert yaml.safe_load(shown)["rules"] == next(yaml.safe_load_all(role))["rules"]
