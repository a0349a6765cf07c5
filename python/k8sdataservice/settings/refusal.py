"""Saying what is wrong with a setting, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping

from k8sdataservice.exceptions import InvalidSpecError


def refusal(sources: Mapping[str, str], path: str, sentence: str) -> InvalidSpecError:
    """Returns the error for a setting.

    Args:
        sources: Where settings come from, by their paths.
        path: The path of the setting at fault.
        sentence: What is wrong with it.
    """
    error = InvalidSpecError(f"{source_of(sources, path)}: {sentence}")
    error.field = path
    error.reason = "InvalidSpec"
    return error


def source_of(sources: Mapping[str, str], path: str) -> str:
    """Returns where a setting comes from, or what it is a part of."""
    while path not in sources:
        end = max(path.rfind("."), path.rfind("["))
        if end < 0:
            return sources.get("", "settings")
        path = path[:end]
    return sources[path]
