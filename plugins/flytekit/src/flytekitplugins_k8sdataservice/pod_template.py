"""The user's pod template, in the form that is sent to the connector."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flytekit import PodTemplate
from k8sdataservice.exceptions import InvalidSpecError

#: Which key names the container that is the service's own; the others are those of Kubernetes's PodTemplateSpec.
PRIMARY = "primaryContainerName"


def to_wire(template: PodTemplate | dict[str, Any] | str | os.PathLike[str]) -> dict[str, Any]:
    """Returns a pod template as a dictionary.

    Args:
        template: flytekit's ``PodTemplate``; a dictionary with ``metadata`` and ``spec``; or the path of a YAML file
            with one, with a Pod or with a PodTemplate.

    Raises:
        InvalidSpecError: It is none of these, or the file cannot be read.
    """
    if isinstance(template, PodTemplate):
        return _of_flytekit(template)
    if isinstance(template, dict):
        return template
    if isinstance(template, (str, os.PathLike)):
        return _of_file(Path(template))
    raise _invalid(
        f"is a {type(template).__name__}, but must be a PodTemplate, a dictionary or the path of a YAML file."
    )


def _of_flytekit(template: PodTemplate) -> dict[str, Any]:
    wire: dict[str, Any] = {PRIMARY: template.primary_container_name}
    metadata = {"labels": template.labels, "annotations": template.annotations}
    if said := {key: value for key, value in metadata.items() if value}:
        wire["metadata"] = said
    if template.pod_spec is not None:
        # A process with such a specification has its package.
        from kubernetes.client import ApiClient

        wire["spec"] = ApiClient().sanitize_for_serialization(template.pod_spec)
    return wire


def _of_file(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _invalid(f"cannot be read from {path}: {error}") from error
    if not isinstance(content, dict):
        raise _invalid(f"has no dictionary in {path}.")
    if content.get("kind") == "PodTemplate":
        content = content.get("template") or {}
    return {key: content[key] for key in content if key not in ("apiVersion", "kind")}


def _invalid(problem: str) -> InvalidSpecError:
    error = InvalidSpecError(f"PodTemplate {problem}")
    error.field = "PodTemplate"
    return error
