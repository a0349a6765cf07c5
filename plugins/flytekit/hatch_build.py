"""Packs the readme and the licence of the project, to which this folder has links, into the source distribution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FollowLinks(BuildHookInterface[Any]):
    """Packs what links point to: hatchling would pack the links, which lead nowhere in an unpacked distribution."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Follows the links among the files that every source distribution has."""
        included: dict[str, str] = build_data["force_include"]
        build_data["force_include"] = {str(Path(path).resolve()): name for path, name in included.items()}
