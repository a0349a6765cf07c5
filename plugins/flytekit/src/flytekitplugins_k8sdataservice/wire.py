"""Values of a configuration in the form that travels: nothing but text, numbers, lists and dictionaries."""

from __future__ import annotations

from dataclasses import asdict
from os import PathLike
from typing import Any

from flytekit import PodTemplate, Resources, Secret
from flytekit.extras.accelerators import BaseAccelerator


def to_wire(value: Any) -> Any:
    """Returns a value in the form that travels.

    Args:
        value: Text, numbers, lists and dictionaries as they are; flytekit's ``Resources``, ``PodTemplate``, ``Secret``
            and accelerators; and what the package ``kubernetes`` has for Kubernetes's own types.
    """
    if isinstance(value, Resources):
        return asdict(value)
    if isinstance(value, Secret):
        return _secret(value)
    if isinstance(value, BaseAccelerator):
        return _accelerator(value)
    if hasattr(value, "openapi_types"):
        # A process with such a value has its package.
        from kubernetes.client import ApiClient

        return ApiClient().sanitize_for_serialization(value)
    if isinstance(value, dict):
        return {key: to_wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_wire(item) for item in value]
    return value


def template_to_wire(template: PodTemplate | dict[str, Any] | str | PathLike[str]) -> dict[str, Any]:
    """Returns a pod template in the form that travels.

    Raises:
        InvalidSpecError: It is no template, or its file cannot be read.
    """
    from flytekitplugins_k8sdataservice import pod_template

    return pod_template.to_wire(template)


def secrets_of_wire(wire: list[Any]) -> list[Any]:
    """Returns flytekit's secrets from the form that travels; what is none stays as it is."""
    return [_secret_of_wire(each) for each in wire]


def _secret_of_wire(wire: Any) -> Any:
    keys = {"group", "key", "groupVersion", "mountRequirement", "envVar"}
    if not isinstance(wire, dict) or not wire.get("group") or not wire.keys() <= keys:
        return wire
    mount = wire.get("mountRequirement", "ANY")
    if mount not in Secret.MountType.__members__:
        return wire
    return Secret(
        group=wire["group"],
        key=wire.get("key"),
        group_version=wire.get("groupVersion"),
        mount_requirement=Secret.MountType[mount],
        env_var=wire.get("envVar"),
    )


def _secret(secret: Secret) -> dict[str, Any]:
    wire = {
        "group": secret.group,
        "key": secret.key,
        "groupVersion": secret.group_version,
        "mountRequirement": secret.mount_requirement.name,
        "envVar": secret.env_var,
    }
    return {key: value for key, value in wire.items() if value is not None}


def _accelerator(accelerator: BaseAccelerator[Any]) -> dict[str, Any]:
    said = accelerator.to_flyte_idl()
    wire: dict[str, Any] = {"device": said.device}
    partition = said.WhichOneof("partition_size_value")
    if partition == "partition_size":
        wire["partitionSize"] = said.partition_size
    elif partition == "unpartitioned":
        wire["unpartitioned"] = said.unpartitioned
    return wire
