"""Data services for Flyte workflows.

A ``DataServiceTask`` brings up a StatefulSet with a headless Service on Kubernetes, the tasks after it talk to its pods
by stable names, and a ``CleanupSensor`` takes it away.

Documentation: https://github.com/flyteorg/flytekitplugins-k8sdataservice

Importing this package starts no thread, opens no socket and reads no configuration: flytekit imports it as a plugin at
every start, in the pods of all tasks. It registers the connector and loads everything else at its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from k8sdataservice.exceptions import (
    ConflictError,
    DataServiceError,
    DataServiceTimeoutError,
    ForbiddenError,
    InvalidSpecError,
    NotFoundError,
    NotOwnedError,
    UnavailableError,
)

# Registers the connector: this is what flytekit imports the plugin for.
from flytekitplugins_k8sdataservice.connector import DataServiceConnector
from flytekitplugins_k8sdataservice.startup import log_with_flytekit

if TYPE_CHECKING:
    from k8sdataservice.endpoints import Endpoints, endpoints
    from k8sdataservice.hold import hold
    from k8sdataservice.plan import plan
    from k8sdataservice.update import Updated, update

    from flytekitplugins_k8sdataservice.config import DataServiceConfig
    from flytekitplugins_k8sdataservice.infra import gen_infra_name
    from flytekitplugins_k8sdataservice.metadata import DataServiceMetadata
    from flytekitplugins_k8sdataservice.sensor import CleanupSensor
    from flytekitplugins_k8sdataservice.task import DataServiceTask

__all__ = [
    "CleanupSensor",
    "ConflictError",
    "DataServiceConfig",
    "DataServiceConnector",
    "DataServiceError",
    "DataServiceMetadata",
    "DataServiceTask",
    "DataServiceTimeoutError",
    "Endpoints",
    "ForbiddenError",
    "InvalidSpecError",
    "NotFoundError",
    "NotOwnedError",
    "UnavailableError",
    "Updated",
    "endpoints",
    "gen_infra_name",
    "hold",
    "plan",
    "update",
]

#: The module of each name that is loaded at its first use.
_HOMES = {
    "CleanupSensor": "flytekitplugins_k8sdataservice.sensor",
    "DataServiceConfig": "flytekitplugins_k8sdataservice.config",
    "DataServiceMetadata": "flytekitplugins_k8sdataservice.metadata",
    "DataServiceTask": "flytekitplugins_k8sdataservice.task",
    "Endpoints": "k8sdataservice.endpoints",
    "Updated": "k8sdataservice.update",
    "endpoints": "k8sdataservice.endpoints",
    "gen_infra_name": "flytekitplugins_k8sdataservice.infra",
    "hold": "k8sdataservice.hold",
    "plan": "k8sdataservice.plan",
    "update": "k8sdataservice.update",
}

#: The modules that are attributes of the package without an import of their own.
_SUBMODULES = frozenset(
    {
        "_core",
        "answer",
        "client",
        "config",
        "consumers",
        "exceptions",
        "infra",
        "kube_config",
        "log_links",
        "manager",
        "metadata",
        "owner",
        "planning",
        "sensor",
        "settings",
        "task",
        "updating",
    }
)

log_with_flytekit()


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
