"""Settings of the platform: one YAML file, and environment variables that override it."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

from flytekitplugins_k8sdataservice.exceptions import InvalidSpecError
from flytekitplugins_k8sdataservice.settings.refusal import refusal
from flytekitplugins_k8sdataservice.settings.variables import PREFIX, SETTINGS_VARIABLE, VARIABLES

__all__ = [
    "DEFAULT",
    "check",
    "check_at_start",
    "keep_failed",
    "log_links",
    "namespace",
    "platform",
    "shown",
    "sources",
]

#: Where a setting comes from that nobody has said.
DEFAULT = "default"

#: The namespace of all services unless the platform says something else.
DEFAULT_NAMESPACE = "flyte"


def namespace(cluster: str | None = None, *, known: bool = False) -> str:
    """Returns the namespace of the services that name none.

    Args:
        cluster: The cluster they are in, which may have one of its own.
        known: Whether it is an error if the settings have clusters, and none of that name.

    Raises:
        InvalidSpecError: The settings cannot be read, as for all functions here, or do not have the cluster.
    """
    values = _loaded()[0]
    clusters = values.get("clusters") or {}
    if known and clusters and cluster not in clusters:
        names = ", ".join(sorted(clusters))
        error = InvalidSpecError(f'cluster is "{cluster}", but the platform\'s settings have {names} only.')
        error.field, error.reason = "cluster", "InvalidSpec"
        raise error
    of_cluster = clusters.get(cluster) or {}
    return str(of_cluster.get("namespace") or values.get("namespace") or DEFAULT_NAMESPACE)


def keep_failed() -> float | None:
    """Returns for how many seconds a service that has failed is kept, or None where it is taken down at once."""
    seconds: float | None = _loaded()[0].get("keepFailed")
    return seconds


def log_links() -> tuple[tuple[str, str], ...]:
    """Returns the name and the template of each log link."""
    return tuple((link["name"], link["template"]) for link in _loaded()[0].get("logLinks") or ())


def platform() -> dict[str, Any]:
    """Returns the settings in the form that the core reads. What they may hold is for the core to check."""
    return dict(_loaded()[0])


def sources() -> dict[str, str]:
    """Returns where each setting comes from, by its path: a file with a line, or a variable."""
    return dict(_loaded()[1])


def check_at_start() -> None:
    """Checks all settings where the environment gives any: nobody waits for the core where it does not.

    Raises:
        InvalidSpecError: One is at fault.
    """
    given = any(name.startswith(PREFIX) and value for name, value in os.environ.items())
    # What is run from the command line says itself what is wrong, without a traceback.
    if given and f"-m {__package__.partition('.')[0]} " not in " ".join([*sys.orig_argv, ""]):
        check()


def check() -> None:
    """Checks all settings.

    Raises:
        InvalidSpecError: One is at fault; the message says where it stands, which it is and what to write instead.
    """
    from flytekitplugins_k8sdataservice._core import Client

    try:
        Client(platform=platform(), sources=sources())
    except InvalidSpecError as error:
        if error.field is None:
            raise
        raise refusal(sources(), error.field, str(error)) from None


def shown() -> list[tuple[str, str, str]]:
    """Returns the path of every setting, its value in words, and where it comes from."""
    from flytekitplugins_k8sdataservice.settings.listing import listing

    return listing(*_loaded(), DEFAULT)


def _loaded() -> tuple[dict[str, Any], dict[str, str]]:
    return _load(tuple(os.environ.get(variable, "").strip() for variable in (SETTINGS_VARIABLE, *VARIABLES)))


@cache
def _load(given: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    """Reads the settings once for each environment. They are not read again when the file changes."""
    from flytekitplugins_k8sdataservice.settings.reading import read

    path, *texts = given
    return read(path, dict(zip(VARIABLES, texts, strict=True)))
