"""The environment variables, each of which overrides one setting of the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: The prefix of all variables.
PREFIX = "K8SDATASERVICE_"

#: The variable with the path of the file.
SETTINGS_VARIABLE = f"{PREFIX}SETTINGS"


def _grace_periods(text: str) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in text.split(",")]
    return {reason.strip(): duration.strip() for reason, _, duration in pairs}


def _links(text: str) -> list[dict[str, str]]:
    links = [line.partition("=") for line in text.splitlines() if line.strip()]
    return [{"name": name.strip(), "template": template.strip()} for name, _, template in links]


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


#: The setting of each variable, and how its text is read: the namespace of all services; the seconds that a pod has to
#: stand before it counts as ready; for how long a service that has failed is kept, such as ``30m``; how long a create
#: may try, such as ``8s``; grace periods by reason, such as ``ClaimPending=1h,ImagePullFailed=30s``; and log links, a
#: line each, such as ``Logs=https://logs.example/{{ .podName }}``.
VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    f"{PREFIX}NAMESPACE": ("namespace", str),
    f"{PREFIX}MIN_READY_SECONDS": ("minReadySeconds", _number),
    f"{PREFIX}KEEP_FAILED": ("keepFailed", str),
    f"{PREFIX}CREATE_TIMEOUT": ("createTimeout", _number),
    f"{PREFIX}GRACE_PERIODS": ("gracePeriods", _grace_periods),
    f"{PREFIX}LOG_LINKS": ("logLinks", _links),
}
