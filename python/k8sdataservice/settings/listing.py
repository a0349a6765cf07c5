"""All settings in words, for people to see what counts and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from k8sdataservice.settings.refusal import source_of

#: The values where the platform sets none.
_DEFAULTS = {
    "namespace": "flyte",
    "allowedNamespaces": "any",
    "clusters": "every context of the kubeconfig",
    "minReadySeconds": "3 s",
    "keepFailed": "not at all",
    "createTimeout": "8 s",
    "gracePeriods": "by reason",
    "logLinks": "none",
    "gpu.resourceName": "nvidia.com/gpu",
    "gpu.deviceNodeLabel": "k8s.amazonaws.com/accelerator",
    "gpu.partitionSizeNodeLabel": "k8s.amazonaws.com/gpu-partition-size",
    "defaults": "none",
    "forced": "none",
    "limits.replicas": "any",
    "limits.perPod": "any",
    "limits.total": "any",
    "limits.imageRegistries": "any",
    "limits.hostPaths": "none",
    "limits.maxTtl": "no end",
    "receipts.keep": "none",
    "receipts.prices": "none",
    "ownerReferences": "no",
}

#: The settings that are durations, or have some.
_SECONDS = ("minReadySeconds", "keepFailed", "createTimeout", "gracePeriods")


def listing(values: Mapping[str, Any], sources: Mapping[str, str], default_source: str) -> list[tuple[str, str, str]]:
    """Returns the path, the value and the source of every setting, in the order of the documentation."""
    said = dict(_leaves(values, ""))
    rows = []
    for setting, default in _DEFAULTS.items():
        of_setting = [path for path in said if path == setting or path.startswith(f"{setting}.")]
        rows += [(path, said[path], source_of(sources, path)) for path in of_setting]
        if not of_setting:
            rows.append((setting, default, default_source))
    return rows


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            inside = f"{path}.{key}" if path else str(key)
            # A variable may hold a password.
            yield from [(inside, "(not shown)")] if path.endswith(".Env") else _leaves(inner, inside)
    elif value is not None:
        yield path, _in_words(value, path)


def _in_words(value: Any, path: str) -> str:
    if path.partition(".")[0] in _SECONDS:
        return f"{value:g} s"
    return value if isinstance(value, str) else json.dumps(value, default=str)
