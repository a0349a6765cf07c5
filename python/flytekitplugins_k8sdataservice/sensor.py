"""The sensor that takes a data service away."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Optional

from flytekit import logger
from flytekit.sensor.base_sensor import BaseSensor

from flytekitplugins_k8sdataservice import settings
from flytekitplugins_k8sdataservice.client import default_client, warn
from flytekitplugins_k8sdataservice.exceptions import UnavailableError

__all__ = ["CleanupSensor"]


@dataclass
class CleanupSensorConfig:
    """What has to survive from the sensor's construction to its polls, which happen in another process.

    Attributes:
        namespace: The namespace of the services.
    """

    namespace: str

    def to_dict(self) -> dict[str, Any]:
        """Returns the configuration as it travels in the task template."""
        return asdict(self)

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> CleanupSensorConfig:
        """Reads the configuration back."""
        return cls(namespace=d["namespace"])


class CleanupSensor(BaseSensor):
    """Deletes a data service by its name, and succeeds when both its objects are gone."""

    def __init__(
        self, name: str, namespace: str | None = None, config: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Makes the sensor.

        Args:
            name: The task's name in Flyte.
            namespace: The namespace of the services. Default: that of their cluster, else the connector's, which is
                ``flyte`` unless the platform says something else.
            config: What flytekit hands back when it makes the sensor again for a poll.
            **kwargs: As for any ``flytekit`` sensor, such as ``timeout``.
        """
        namespace = namespace or (config or {}).get("namespace")
        kwargs.setdefault("sensor_config", CleanupSensorConfig(namespace) if namespace else None)
        kwargs.setdefault("task_type", "sensor")
        super().__init__(name=name, **kwargs)
        self.namespace = namespace

    # flytekit makes the sensor's inputs from these hints, and drops defaults: only Optional may be left out.
    async def poke(self, release_name: str, cleanup_data_service: bool, cluster: Optional[str] = None) -> bool:  # noqa: UP045
        """Deletes the service.

        Args:
            release_name: The service's name, which is the output of a ``DataServiceTask``.
            cleanup_data_service: False leaves the service as it is, and the sensor succeeds.
            cluster: The cluster, as in the service's configuration.

        Returns:
            True when nothing is left; False when the sensor has to poll again.

        Raises:
            NotOwnedError: Somebody else's object has the name; it was left alone.
            ForbiddenError: The account in use lacks a right.
        """
        namespace = self.namespace or settings.namespace(cluster)
        if not cleanup_data_service:
            logger.info("Data service %s in namespace %s is kept, as asked.", release_name, namespace)
            return True
        try:
            deletion = await default_client().delete(release_name, namespace=namespace, cluster=cluster)
        except UnavailableError as error:
            logger.warning("%s The sensor polls again.", error)
            return False
        warn(deletion.warning)
        logger.info("Data service %s in namespace %s: %s.", release_name, namespace, deletion.outcome)
        return deletion.outcome != "Terminating"
