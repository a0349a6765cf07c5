"""Data services for Flyte workflows.

A ``DataServiceTask`` brings up a StatefulSet with a headless Service on Kubernetes, the tasks after it talk to its pods
by stable names, and a ``CleanupSensor`` takes it away.

Importing this package starts no thread, opens no socket and reads no configuration: flytekit imports it as a plugin at
every start, so the compiled core is loaded only when a service is first asked for.
"""

from flytekitplugins_k8sdataservice.config import DataServiceConfig
from flytekitplugins_k8sdataservice.connector import DataServiceConnector, DataServiceMetadata
from flytekitplugins_k8sdataservice.consumers import Endpoints, endpoints
from flytekitplugins_k8sdataservice.exceptions import (
    ConflictError,
    DataServiceError,
    DataServiceTimeoutError,
    ForbiddenError,
    InvalidSpecError,
    NotFoundError,
    NotOwnedError,
    UnavailableError,
)
from flytekitplugins_k8sdataservice.planning import plan
from flytekitplugins_k8sdataservice.sensor import CleanupSensor
from flytekitplugins_k8sdataservice.task import DataServiceTask
from flytekitplugins_k8sdataservice.updating import Updated, update

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
    "plan",
    "update",
]
