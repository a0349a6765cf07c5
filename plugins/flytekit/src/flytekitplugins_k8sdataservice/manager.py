"""The service manager under the name that older code imports; new code uses ``DataServiceTask``."""

from __future__ import annotations

import inspect
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from k8sdataservice import settings
from k8sdataservice.default_client import default_client, warn
from k8sdataservice.target import invalid

from flytekitplugins_k8sdataservice.config import DataServiceConfig
from flytekitplugins_k8sdataservice.owner import Owner, owner_of
from flytekitplugins_k8sdataservice.wire import template_to_wire, to_wire

if TYPE_CHECKING:
    from kubernetes.client import V1ResourceRequirements, V1StatefulSet

__all__ = ["K8sManager"]

#: The words that this class has always used for the core's phases.
_WORDS = {
    "Pending": "pending",
    "WaitingForResources": "pending",
    "Initializing": "running",
    "Asleep": "pending",
    "Ready": "success",
    "Failed": "failed",
    "RetryableFailed": "failed",
}


class K8sManager:
    """Makes, checks and deletes one data service. Each instance stands alone.

    The StatefulSet and its Service are made together, and each call that makes one of them makes both: the second finds
    what the first has made. The types of the package ``kubernetes`` are returned where version 1 did so, which takes
    ``flytekitplugins-k8sdataservice[kubernetes]``.
    """

    def __init__(self) -> None:
        """Makes a manager. Nothing is connected to before the first call."""
        self.set_configs({})

    def set_configs(self, data_service_config: dict[str, Any] | DataServiceConfig) -> None:
        """Sets the configuration of the next service.

        Args:
            data_service_config: A ``DataServiceConfig``, or its fields as a dictionary.
        """
        if isinstance(data_service_config, DataServiceConfig):
            data_service_config = data_service_config.to_wire()
        self.data_service_config: dict[str, Any] = {name: to_wire(each) for name, each in data_service_config.items()}
        if template := data_service_config.get("PodTemplate"):
            self.data_service_config["PodTemplate"] = template_to_wire(template)
        self._owner: Owner = owner_of("", None)
        self._namespace: str | None = None
        self._name: str | None = None

    def create_data_service(self) -> str:
        """Makes the service and returns its name.

        Raises:
            DataServiceError: As the core's ``create``.
        """
        created = default_client().create_sync(
            self.data_service_config,
            namespace=self.namespace,
            owner=self._owner.id,
            execution=self._owner.execution,
        )
        warn(created.warning)
        self._namespace, self._name = created.namespace, created.name
        return created.name

    def create_service(self) -> str:
        """Does what ``create_data_service`` does."""
        return self.create_data_service()

    def create_stateful_set(self, stateful_set_object: V1StatefulSet) -> str:
        """Does what ``create_data_service`` does.

        Args:
            stateful_set_object: What ``create_stateful_set_object`` has returned.

        Raises:
            InvalidSpecError: The object was changed, which would have no effect.
        """
        if to_wire(stateful_set_object) != to_wire(self.create_stateful_set_object()):
            raise invalid(
                "stateful_set_object",
                "stateful_set_object differs from what create_stateful_set_object returns, and would have no effect: "
                "change the configuration instead. PodTemplate has whatever has no field of its own.",
            )
        return self.create_data_service()

    def create_stateful_set_object(self) -> V1StatefulSet:
        """Returns the StatefulSet that would be made. Nothing is made.

        Raises:
            InvalidSpecError: A field is at fault.
            ImportError: The package ``kubernetes`` is not installed.
        """
        from k8sdataservice._core import manifests

        objects = manifests(
            self.data_service_config,
            namespace=self.namespace,
            owner=self._owner.id,
            execution=self._owner.execution,
            platform=settings.platform(),
        )
        if not objects:
            raise invalid("ExistingReleaseName", "ExistingReleaseName is set, so that no StatefulSet is made.")
        return _stateful_set(objects[0])

    def get_resources(self) -> V1ResourceRequirements | None:
        """Returns what each pod requests and is limited to.

        Raises:
            InvalidSpecError: A field is at fault.
            ImportError: The package ``kubernetes`` is not installed.
        """
        containers: list[Any] = self.create_stateful_set_object().spec.template.spec.containers  # type: ignore[union-attr]
        return next((container.resources for container in containers if container.name == self.name), None)

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
    def name(self) -> str:
        """The name of the service."""
        from k8sdataservice._core import generate_name

        return self._name or self.data_service_config.get("Name") or generate_name(self._owner.id)

    @property
    def namespace(self) -> str:
        """The namespace of the service. Default: the configuration's, else the platform's."""
        return self._namespace or self.data_service_config.get("Namespace") or settings.namespace(self._cluster)

    @namespace.setter
    def namespace(self, namespace: str) -> None:
        self._namespace = namespace

    @property
    def _cluster(self) -> str | None:
        return self.data_service_config.get("Cluster")


def _stateful_set(manifest: dict[str, Any]) -> V1StatefulSet:
    from kubernetes.client import ApiClient

    # The package's own reader takes other arguments in its newer versions.
    read: Any = ApiClient().deserialize
    text = json.dumps(manifest)
    if "content_type" in inspect.signature(read).parameters:
        arguments: tuple[Any, ...] = (text, "V1StatefulSet", "application/json")
    else:
        arguments = (SimpleNamespace(data=text), "V1StatefulSet")
    stateful_set: V1StatefulSet = read(*arguments)
    return stateful_set
