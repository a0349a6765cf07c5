"""Settings of the platform, read from the environment of the connector."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from flytekitplugins_k8sdataservice.exceptions import InvalidSpecError

#: The variable that moves all services to another namespace.
NAMESPACE_VARIABLE = "K8SDATASERVICE_NAMESPACE"

#: The namespace of all services unless the variable says something else.
DEFAULT_NAMESPACE = "flyte"

#: The variable that says for how long a service that has failed is kept for people to look at, such as ``30m``.
KEEP_FAILED_VARIABLE = "K8SDATASERVICE_KEEP_FAILED"

#: The variable with the seconds that a pod has to stand before it counts as ready.
MIN_READY_SECONDS_VARIABLE = "K8SDATASERVICE_MIN_READY_SECONDS"

#: The variable with grace periods by reason, such as ``ClaimPending=1h,ImagePullFailed=30s``.
GRACE_PERIODS_VARIABLE = "K8SDATASERVICE_GRACE_PERIODS"

#: The variable with the templates of log links, a line each, such as ``Logs=https://logs.example/{{ .podName }}``.
LOG_LINKS_VARIABLE = "K8SDATASERVICE_LOG_LINKS"

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smh])")

Value = TypeVar("Value")


def namespace() -> str:
    """Returns the namespace that services are made in and looked for."""
    return os.environ.get(NAMESPACE_VARIABLE) or DEFAULT_NAMESPACE


def keep_failed() -> float | None:
    """Returns for how many seconds a service that has failed is kept, or None where it is taken down at once.

    Raises:
        InvalidSpecError: The variable holds something else than a duration.
    """
    return _read(KEEP_FAILED_VARIABLE, _duration)


def log_links() -> tuple[tuple[str, str], ...]:
    """Returns the name and the template of each log link.

    Raises:
        InvalidSpecError: A line of the variable is no name with a template.
    """
    return _read(LOG_LINKS_VARIABLE, _links) or ()


def platform() -> dict[str, Any]:
    """Returns the settings that the core follows.

    Raises:
        InvalidSpecError: A variable cannot be read. What it may hold is for the core to check.
    """
    settings = {
        "minReadySeconds": _read(MIN_READY_SECONDS_VARIABLE, _number),
        "gracePeriods": _read(GRACE_PERIODS_VARIABLE, _grace_periods),
    }
    return {key: value for key, value in settings.items() if value is not None}


def _read(variable: str, parse: Callable[[str, str], Value]) -> Value | None:
    text = os.environ.get(variable, "").strip()
    return _parsed(variable, text, parse) if text else None


@cache
def _parsed(variable: str, text: str, parse: Callable[[str, str], Value]) -> Value:
    return parse(variable, text)


def _number(variable: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _invalid(variable, f'is "{text}", but must be a number.') from None


def _duration(variable: str, text: str) -> float:
    match = _DURATION.fullmatch(text)
    if not match:
        raise _invalid(variable, f'has "{text}", where a duration must stand, such as 90s, 30m or 2h.')
    return float(match[1]) * _SECONDS[match[2]]


def _grace_periods(variable: str, text: str) -> dict[str, float]:
    pairs = [entry.partition("=") for entry in text.split(",")]
    return {reason.strip(): _duration(variable, duration.strip()) for reason, _, duration in pairs}


def _links(variable: str, text: str) -> tuple[tuple[str, str], ...]:
    links = [line.partition("=") for line in text.splitlines() if line.strip()]
    for name, _, template in links:
        if not name.strip() or "://" not in template:
            raise _invalid(variable, "must have a name and a template a line, such as Logs=https://logs.example/...")
    return tuple((name.strip(), template.strip()) for name, _, template in links)


def _invalid(variable: str, problem: str) -> InvalidSpecError:
    error = InvalidSpecError(f"{variable} {problem}")
    error.field = variable
    return error
