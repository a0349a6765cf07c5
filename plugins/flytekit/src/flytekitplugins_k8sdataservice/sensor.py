"""The sensor that deletes a data service."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Optional

from flytekit import logger
from flytekit.configuration import SerializationSettings
from flytekit.sensor.base_sensor import BaseSensor
from k8sdataservice import settings
from k8sdataservice.default_client import default_client, warn
from k8sdataservice.exceptions import ConflictError, ForbiddenError, UnavailableError

from flytekitplugins_k8sdataservice.registration import AcceptsNarrowerInputs, refuse_cache

__all__ = ["CleanupSensor"]

#: The module that both version 1 and this one have the sensor in: either may be asked to poll it.
_MODULE = "flytekitplugins.k8sdataservice.sensor"


@dataclass
class CleanupSensorConfig:
    """The state that a sensor passes from its construction to its polls, which happen in another process.

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
    """Deletes a data service by its name, and succeeds when all its objects are gone."""

    def __init__(
        self, name: str, namespace: str | None = None, config: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Makes the sensor.

        Args:
            name: The task's name in Flyte.
            namespace: The namespace of the services. Default: that of their cluster, else the connector's, which is
                ``flyte`` unless the platform's settings have another one. Where these have a namespace per project, the
                service is looked for in all namespaces that services may use.
            config: What flytekit hands back when it makes the sensor again for a poll.
            **kwargs: As for any ``flytekit`` sensor, such as ``timeout``.
        """
        namespace = namespace or (config or {}).get("namespace")
        kwargs.setdefault("sensor_config", CleanupSensorConfig(namespace) if namespace else None)
        kwargs.setdefault("task_type", "sensor")
        self._cache = kwargs.pop("cache", None)
        super().__init__(name=name, **kwargs)
        self._python_interface = AcceptsNarrowerInputs(self.python_interface)
        self.namespace = namespace
        self.release_name: str | None = None
        self.cleanup_data_service: bool | None = None
        self.cluster: str | None = None

    def get_custom(self, settings: SerializationSettings) -> dict[str, Any]:
        """Returns what the connector has to know.

        Raises:
            InvalidSpecError: The task would be cached, so that a second run would delete nothing.
        """
        refuse_cache(self, self._cache, "a second run would succeed without deleting its service")
        custom: dict[str, Any] = super().get_custom(settings)
        if type(self) is CleanupSensor:
            custom["sensor_module"] = _MODULE
        return custom

    # flytekit makes the sensor's inputs from these hints, and drops defaults: only Optional may be left out.
    async def poke(self, release_name: str, cleanup_data_service: bool, cluster: Optional[str] = None) -> bool:  # noqa: UP045
        """Deletes the service.

        Args:
            release_name: The service's name, which is the output of a ``DataServiceTask``.
            cleanup_data_service: False leaves the service as it is, and the sensor succeeds.
            cluster: The cluster, as in the service's configuration.

        Returns:
            True when nothing is left; False when the sensor has to poll again. No service of that name is a success,
            since it may be deleted already, and a warning in the log. So is a service that other runs still use: it
            is deleted when the last of them ends.

        Raises:
            NotFoundError: The namespace does not exist.
            ConflictError: No namespace was given, and several namespaces have a service of that name.
            NotOwnedError: Somebody else's object has the name; it was left alone.
            ForbiddenError: The account in use lacks a permission.
        """
        self.release_name, self.cleanup_data_service, self.cluster = release_name, cleanup_data_service, cluster
        if not cleanup_data_service:
            logger.info("Data service %s is kept, as asked.", release_name)
            return True
        client = default_client()
        try:
            namespace = self._namespace(cluster) or _only(release_name, await _everywhere(release_name, cluster))
            if namespace is None:
                logger.warning(_nowhere(release_name))
                return True
            deletion = await client.delete(release_name, namespace=namespace, cluster=cluster)
            if deletion.outcome == "NothingThere":
                elsewhere = await client.elsewhere(
                    release_name, namespace=namespace, candidates=_candidates(cluster), cluster=cluster
                )
                logger.warning(_nothing_there(release_name, namespace, elsewhere))
        except UnavailableError as error:
            logger.warning("%s The sensor polls again.", error)
            return False
        warn(deletion.warning)
        if deletion.outcome == "InUse":
            logger.warning(
                "Data service %s in namespace %s is still used by %s. It is deleted when the last of them ends.",
                release_name,
                namespace,
                ", ".join(deletion.used_by),
            )
            return True
        logger.info("Data service %s in namespace %s: %s.", release_name, namespace, deletion.outcome)
        return deletion.outcome != "Terminating"

    def delete_data_service(self) -> None:
        """Deletes the service that ``poke`` was last called for, and waits for the answer, as in version 1.

        Raises:
            DataServiceError: As ``poke``.
        """
        if self.release_name is None:
            return
        namespace = self._namespace(self.cluster)
        if namespace is None:
            try:
                found = default_client().everywhere_sync(self.release_name, cluster=self.cluster)
            except ForbiddenError as error:
                raise _unsearched(self.release_name, error) from None
            namespace = _only(self.release_name, found)
        if namespace is None:
            logger.warning(_nowhere(self.release_name))
        else:
            warn(default_client().delete_sync(self.release_name, namespace=namespace, cluster=self.cluster).warning)

    def _namespace(self, cluster: str | None) -> str | None:
        """Returns the namespace of the services; None where it is one per project, which a sensor does not know."""
        if self.namespace:
            return self.namespace
        # A poll gets the sensor's inputs, and nothing about its execution.
        namespace = settings.namespace_template(cluster)
        return None if settings.is_template(namespace) else namespace


async def _everywhere(name: str, cluster: str | None) -> list[str]:
    try:
        return await default_client().everywhere(name, cluster=cluster)
    except ForbiddenError as error:
        raise _unsearched(name, error) from None


def _only(name: str, namespaces: list[str]) -> str | None:
    """Returns the namespace of a service; None where there is none.

    Raises:
        ConflictError: There are several.
    """
    if len(namespaces) > 1:
        error = ConflictError(
            f"Data service {name} exists in namespaces {', '.join(namespaces)}, so that it is not known which is "
            f'meant, and nothing was deleted. Use CleanupSensor(..., namespace="{namespaces[0]}"), or another Name.'
        )
        error.name, error.reason = name, "Conflict"
        raise error
    return namespaces[0] if namespaces else None


def _unsearched(name: str, error: ForbiddenError) -> ForbiddenError:
    """Returns the error about an account that may not look for a service."""
    words = (
        f"The namespace of data service {name} is not known, since the platform has one per project. Use "
        f"CleanupSensor(..., namespace=...), or give the permission. {error}"
    )
    unsearched = ForbiddenError(words)
    unsearched.name, unsearched.reason = name, error.reason
    return unsearched


def _nowhere(name: str) -> str:
    return (
        f"No namespace that services may use has a data service {name}, so that nothing was deleted. If it was not "
        "deleted before, correct release_name."
    )


def _candidates(cluster: str | None) -> list[str]:
    """Returns the namespaces in which a service may be instead."""
    usual = {settings.namespace_template(cluster), settings.namespace_template(), settings.DEFAULT_NAMESPACE}
    return sorted(namespace for namespace in usual if not settings.is_template(namespace))


def _nothing_there(name: str, namespace: str, elsewhere: list[str]) -> str:
    nothing = f"Namespace {namespace} has no data service {name}, so that nothing was deleted."
    if not elsewhere:
        return f"{nothing} If it was not deleted before, correct release_name, or the namespace of the CleanupSensor."
    return (
        f"{nothing} A data service of that name exists in namespace {', '.join(elsewhere)}: to delete it, use "
        f'CleanupSensor(..., namespace="{elsewhere[0]}").'
    )
