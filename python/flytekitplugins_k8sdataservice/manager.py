"""The service manager under the name that older code imports; new code uses ``DataServiceTask``."""

from __future__ import annotations

from typing import Any

from flytekitplugins_k8sdataservice import settings
from flytekitplugins_k8sdataservice.client import default_client, warn
from flytekitplugins_k8sdataservice.owner import owner_of

__all__ = ["K8sManager"]

#: The words that this class has always used for the core's phases.
_WORDS = {
    "Pending": "pending",
    "WaitingForResources": "pending",
    "Initializing": "running",
    "Ready": "success",
    "Failed": "failed",
    "RetryableFailed": "failed",
}


class K8sManager:
    """Makes, checks and deletes one data service. Each instance stands alone."""

    def __init__(self) -> None:
        """Makes a manager. Nothing is connected to before the first call."""
        self.data_service_config: dict[str, Any] = {}
        self._made_in: str | None = None

    def set_configs(self, data_service_config: dict[str, Any]) -> None:
        """Sets the configuration, as the wire form of a ``DataServiceConfig``."""
        self.data_service_config = dict(data_service_config)

    def create_data_service(self) -> str:
        """Makes the service and returns its name.

        Raises:
            DataServiceError: As the core's ``create``.
        """
        owner = owner_of("", None)
        created = default_client().create_sync(
            self.data_service_config, namespace=settings.namespace(), owner=owner.id, execution=owner.execution
        )
        warn(created.warning)
        self._made_in = created.namespace
        return created.name

    def check_stateful_set_status(self, name: str) -> str:
        """Returns ``pending``, ``running``, ``success`` or ``failed``."""
        status = default_client().get_sync(name, namespace=self.namespace, cluster=self._cluster)
        return _WORDS[status.phase]

    def delete_stateful_set(self, name: str) -> None:
        """Deletes the service: the StatefulSet and, since it belongs to it, its Service."""
        default_client().delete_sync(name, namespace=self.namespace, cluster=self._cluster)

    def delete_service(self, name: str) -> None:
        """Deletes the service, as ``delete_stateful_set`` does; what is already gone is a success."""
        self.delete_stateful_set(name)

    @property
    def namespace(self) -> str:
        """The namespace of the service."""
        config = self.data_service_config
        return self._made_in or config.get("Namespace") or settings.namespace(self._cluster)

    @property
    def _cluster(self) -> str | None:
        return self.data_service_config.get("Cluster")
