"""Settings of the platform: one YAML file, and environment variables that override it."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Any

from k8sdataservice.exceptions import InvalidSpecError
from k8sdataservice.settings.variables import SETTINGS_VARIABLE, VARIABLES

__all__ = [
    "DEFAULT",
    "check",
    "is_template",
    "keep_failed",
    "log_links",
    "namespace",
    "namespace_template",
    "platform",
    "shown",
    "sources",
    "warnings",
]

#: Where a setting comes from that nobody has said.
DEFAULT = "default"

#: The namespace of all services unless the platform says something else.
DEFAULT_NAMESPACE = "flyte"


def namespace(cluster: str | None = None, *, known: bool = False) -> str:
    """Returns the namespace of the services that name none. In the pod of a task, its execution fills a template.

    Args:
        cluster: The cluster they are in, which may have one of its own.
        known: Whether it is an error if the settings have clusters, and none of that name.

    Raises:
        InvalidSpecError: The settings cannot be read, as for all functions here, do not have the cluster, or have a
            template, which only an execution of Flyte fills.
    """
    template = namespace_template(cluster, known=known)
    if not is_template(template):
        return template
    filled = _filled(template)
    if filled is not None:
        return filled
    from k8sdataservice.settings.refusal import source_of

    path = f"clusters.{cluster}.namespace" if _of_cluster(cluster) else "namespace"
    error = InvalidSpecError(
        f'{path} is the template "{template}", which only an execution of Flyte fills, and this call has none: '
        f"{source_of(sources(), path)}. Pass the namespace (`--namespace`, or `namespace=` in Python), or set "
        "Namespace in the configuration."
    )
    error.field, error.reason = "namespace", "InvalidSpec"
    raise error


def namespace_template(cluster: str | None = None, *, known: bool = False) -> str:
    """Returns the same, or the template of it such as ``{{ project }}-{{ domain }}``, which a create fills.

    Args:
        cluster: As for ``namespace``.
        known: As for ``namespace``.

    Raises:
        InvalidSpecError: The settings do not have the cluster.
    """
    values = _loaded()[0]
    clusters = values.get("clusters") or {}
    if known and clusters and cluster not in clusters:
        names = ", ".join(sorted(clusters))
        error = InvalidSpecError(f'cluster is "{cluster}", but the platform\'s settings have {names} only.')
        error.field, error.reason = "cluster", "InvalidSpec"
        raise error
    return str(_of_cluster(cluster) or values.get("namespace") or DEFAULT_NAMESPACE)


def is_template(namespace: str) -> bool:
    """Whether a namespace is one per project, which only an execution of Flyte fills."""
    return "{{" in namespace


def _filled(template: str) -> str | None:
    """Returns the namespace for the execution of this task: Flyte sets these variables in its pod."""
    for variable in ("project", "domain"):
        value = os.environ.get(f"FLYTE_INTERNAL_EXECUTION_{variable.upper()}")
        pattern = rf"\{{\{{\s*{variable}\s*\}}\}}"
        if value:
            template = value.join(re.split(pattern, template))
    return None if is_template(template) else template


def _of_cluster(cluster: str | None) -> str | None:
    """Returns the namespace, or the template, that a cluster has of its own."""
    of_cluster = (_loaded()[0].get("clusters") or {}).get(cluster) or {}
    return of_cluster.get("namespace") or None


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


def warnings() -> list[str]:
    """Returns what may be a mistake in the settings: variables that look like one of the plugin's, and are none."""
    from k8sdataservice.settings.misspelled import misspelled

    return misspelled(os.environ)


def check() -> None:
    """Checks all settings.

    Raises:
        InvalidSpecError: One is at fault; the message says where it stands, which it is and what to write instead.
    """
    from k8sdataservice._core import Client
    from k8sdataservice.settings.refusal import refusal

    try:
        Client(platform=platform(), sources=sources())
    except InvalidSpecError as error:
        if error.field is None:
            raise
        raise refusal(sources(), error.field, str(error)) from None


def shown() -> list[tuple[str, str, str]]:
    """Returns the path of every setting, its value in words, and where it comes from."""
    from k8sdataservice.settings.listing import listing

    return listing(*_loaded(), DEFAULT)


def _loaded() -> tuple[dict[str, Any], dict[str, str]]:
    return _load(tuple(os.environ.get(variable, "").strip() for variable in (SETTINGS_VARIABLE, *VARIABLES)))


@cache
def _load(given: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    """Reads the settings once for each environment. They are not read again when the file changes."""
    from k8sdataservice.settings.reading import read

    path, *texts = given
    return read(path, dict(zip(VARIABLES, texts, strict=True)))
