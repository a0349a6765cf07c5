"""Reading the settings: the file, and over it the variables, each with where it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from k8sdataservice.settings.refusal import refusal
from k8sdataservice.settings.variables import SETTINGS_VARIABLE, VARIABLES
from k8sdataservice.settings.yaml_file import read_file

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smh])")


def read(path: str, variables: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the settings, and the source of each by its path.

    Args:
        path: The path of the file; without one there is none.
        variables: The texts of the variables; empty ones say nothing.

    Raises:
        InvalidSpecError: The file cannot be read, or a setting that the core does not know is at fault.
    """
    values, sources = read_file(path, SETTINGS_VARIABLE) if path else ({}, {})
    for variable, text in variables.items():
        if text:
            key, parse = VARIABLES[variable]
            _override(values, sources, key, parse(text), variable)
    for setting in ("keepFailed", "createTimeout"):
        if values.get(setting) is not None:
            values[setting] = _seconds(sources, setting, values[setting])
    periods = values.get("gracePeriods")
    if isinstance(periods, dict):
        values["gracePeriods"] = {
            reason: _seconds(sources, f"gracePeriods.{reason}", period) for reason, period in periods.items()
        }
    _check_links(sources, values.get("logLinks"))
    return values, sources


def _override(values: dict[str, Any], sources: dict[str, str], key: str, value: Any, variable: str) -> None:
    """Puts what a variable says over what the file says: a dictionary entry by entry, anything else as a whole."""
    there = values.get(key)
    if isinstance(value, dict) and isinstance(there, dict):
        values[key] = there | value
    else:
        values[key] = value
        for path in [path for path in sources if path.startswith((f"{key}.", f"{key}["))]:
            del sources[path]
        sources[key] = variable
    if isinstance(value, dict):
        sources |= {f"{key}.{entry}": variable for entry in value}


def _seconds(sources: Mapping[str, str], path: str, value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        shown = f'"{value}"' if isinstance(value, str) else value
        raise refusal(
            sources,
            path,
            f"{path} is {shown}, but must be a duration, such as 90s, 30m or 2h, or a number of seconds.",
        )
    return float(match[1]) * _SECONDS[match[2]]


def _check_links(sources: Mapping[str, str], links: Any) -> None:
    if links is None:
        return
    if not isinstance(links, list):
        raise refusal(sources, "logLinks", "logLinks must be a list of links, each with a name and a template.")
    for index, link in enumerate(links):
        path = f"logLinks[{index}]"
        right = isinstance(link, dict) and set(link) == {"name", "template"}
        if not right or not all(isinstance(text, str) and text for text in link.values()):
            words = "must have a name and a template, such as Logs and https://logs.example/{{ .podName }}."
            raise refusal(sources, path, f"{path} {words}")
        if "://" not in link["template"]:
            words = "must be an address, such as https://logs.example/{{ .podName }}."
            raise refusal(sources, f"{path}.template", f"{path}.template {words}")
