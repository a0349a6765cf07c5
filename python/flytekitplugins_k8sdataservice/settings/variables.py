"""The environment variables, each of which overrides one setting of the file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any

#: What all variables begin with.
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

#: How alike a variable must be to one of the plugin's to be meant for it, where it does not begin as those do.
_ALIKE = 0.9

#: What Kubernetes tells every pod of a Service by the plugin's name (*Accessing the Service*, "Environment variables").
_OF_A_SERVICE = re.compile(rf"{PREFIX}(.*_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")


def misspelled(variables: Iterable[str]) -> list[str]:
    """Returns a warning for each variable that looks like one of the plugin's, and is none.

    Args:
        variables: The names of all variables.
    """
    known = (SETTINGS_VARIABLE, *VARIABLES)
    warnings = []
    for name in sorted(variables):
        if name in known or _OF_A_SERVICE.fullmatch(name):
            continue
        is_meant = name.upper().startswith(PREFIX)
        [nearest] = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0 if is_meant else _ALIKE) or [""]
        if nearest:
            warnings.append(f"The environment variable {name} is unknown and has no effect. Did you mean {nearest}?")
    return warnings
