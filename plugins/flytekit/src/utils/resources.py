"""Amounts of resources in the terms of Kubernetes, under the import path of version 1. The plugin does not use it."""

from __future__ import annotations

from typing import Any


def cleanup_resources(resources: Any) -> None:
    """Drops the amounts that are zero from the requests and limits of a ``V1ResourceRequirements``."""
    for kind in ("limits", "requests"):
        amounts = getattr(resources, kind) or {}
        setattr(resources, kind, {name: amount for name, amount in amounts.items() if not is_zero_like(amount)})


def is_zero_like(value: Any) -> bool:
    """Whether an amount is not given, or zero."""
    return value is None or str(value).strip().lower() in ("0", "0.0", "0gb")


def convert_flyte_to_k8s_fields(resources_dict: dict[str, Any]) -> dict[str, Any]:
    """Returns amounts by Kubernetes's names: ``mem`` becomes ``memory``."""
    return {("memory" if name == "mem" else name): amount for name, amount in resources_dict.items()}
