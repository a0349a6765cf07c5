"""The connector: Flyte's create, get and delete of a data service."""

from __future__ import annotations

import asyncio
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flyteidl.core.execution_pb2 import TaskExecution
from flytekit import logger
from flytekit.extend.backend.base_connector import AsyncConnectorBase, ConnectorRegistry, Resource
from flytekit.models.literals import LiteralMap
from k8sdataservice import settings
from k8sdataservice.default_client import default_client, warn
from k8sdataservice.exceptions import DataServiceError, UnavailableError

from flytekitplugins_k8sdataservice.startup import check_settings_of_connector, show_metrics_of_connector

# This module is a part of every `import flytekit`, so that what only calls need is imported by them.
if TYPE_CHECKING:
    from flytekit.models.task import TaskExecutionMetadata, TaskTemplate
    from k8sdataservice._core import Created

    from flytekitplugins_k8sdataservice.metadata import DataServiceMetadata
    from flytekitplugins_k8sdataservice.owner import Owner

__all__ = ["DataServiceConnector", "DataServiceMetadata"]

#: The task type that this connector serves.
TASK_TYPE = "dataservicetask"

#: Flyte's phase for each of the core's. Flyte shows the message of a task that waits only in these: RUNNING drops it.
_PHASES = {
    "Pending": TaskExecution.QUEUED,
    "WaitingForResources": TaskExecution.WAITING_FOR_RESOURCES,
    "Initializing": TaskExecution.INITIALIZING,
    "Asleep": TaskExecution.QUEUED,
    "Ready": TaskExecution.SUCCEEDED,
    "Failed": TaskExecution.FAILED,
    "RetryableFailed": TaskExecution.RETRYABLE_FAILED,
}

#: How long a poll may take with all it does, in seconds: Flyte waits 3 s, and counts a poll without an answer.
_POLL = 2.6

#: How long the API server has, in seconds, to drop a request whose sender was interrupted.
_SETTLE = 0.2

#: How long an interrupted run tries to remove what it made, in seconds: a person waits here, not Flyte.
_PATIENCE = 15.0


#: The message of an interrupted run about its service.
_DELETED = {
    "Gone": "was deleted.",
    "Terminating": "is being deleted.",
    "NothingThere": "does not exist.",
    "LeftAlone": "was left alone: it belongs to another run.",
    "InUse": "was left alone: others use it.",
}


class DataServiceConnector(AsyncConnectorBase):
    """Creates, polls and deletes data services for Flyte. It holds no state: all of it is in the metadata.

    Its methods are real coroutine functions, since flytekit runs anything else in a small thread pool.
    """

    name = "K8s DataService Async Connector"

    def __init__(self) -> None:
        """Makes the connector. Nothing is connected to before the first call.

        Raises:
            InvalidSpecError: A setting of the platform is at fault, so that the process does not start.
        """
        check_settings_of_connector()
        show_metrics_of_connector()
        super().__init__(task_type_name=TASK_TYPE, metadata_type=None)

    @property
    def metadata_type(self) -> type[DataServiceMetadata]:
        """The type of the state that Flyte keeps for a task."""
        from flytekitplugins_k8sdataservice.metadata import DataServiceMetadata

        return DataServiceMetadata

    @cached_property
    def _log_links(self) -> tuple[tuple[str, str], ...]:
        # Reading the variables of the environment takes as long as all else that a poll does.
        return settings.log_links()

    async def create(
        self,
        task_template: TaskTemplate,
        output_prefix: str,
        inputs: LiteralMap | None = None,
        task_execution_metadata: TaskExecutionMetadata | None = None,
        **kwargs: Any,
    ) -> DataServiceMetadata:
        """Creates the service, unless it exists; the call can be retried.

        Raises:
            DataServiceError: The service cannot be made; each subclass and message says why. Nothing is left behind,
                unless the API server was away (UnavailableError): what it may have made is found by the next try.
        """
        from flytekitplugins_k8sdataservice.config import DataServiceConfig
        from flytekitplugins_k8sdataservice.metadata import DataServiceMetadata
        from flytekitplugins_k8sdataservice.owner import owner_of

        config: dict[str, Any] = task_template.custom or {}
        owner = owner_of(output_prefix, task_execution_metadata)
        arguments: dict[str, Any] = {
            "namespace": settings.namespace_template(),
            "owner": owner.id,
            "execution": owner.execution,
            "labels": owner.labels,
            "annotations": owner.annotations,
        }
        if task_execution_metadata is None:
            created = _create_locally(config, owner, arguments)
        else:
            created = await default_client().create(config, **arguments)
        warn(created.warning)
        if created.shared_with:
            logger.info("Data service %s is shared: it belongs to %s.", created.name, created.shared_with)
        return DataServiceMetadata(
            dataservice_config=DataServiceConfig(
                Name=None if created.existing else created.name,
                Port=config.get("Port"),
                Replicas=config.get("Replicas"),
                ExistingReleaseName=created.name if created.existing else None,
                Cluster=config.get("Cluster"),
            ),
            name=created.name,
            namespace=created.namespace,
            owner=owner.id,
            uid=created.uid,
        )

    async def get(self, resource_meta: DataServiceMetadata, **kwargs: Any) -> Resource:
        """Reports how the service is doing. A fault that may pass is no error: the message says what is the matter.

        Flyte never calls again after a failure, so a service that has failed is deleted here, or kept for a while if
        the platform keeps failed services. Its verdict is recorded first: any connector can repeat an answer that was
        lost.

        Raises:
            ForbiddenError: The connector's account may not get StatefulSets.
        """
        from flytekitplugins_k8sdataservice.log_links import log_links
        from flytekitplugins_k8sdataservice.resource import Answer

        started = time.monotonic()
        client = default_client()
        service: dict[str, Any] = {
            "name": resource_meta.name,
            "namespace": resource_meta.namespace,
            "cluster": resource_meta.dataservice_config.Cluster,
            "uid": resource_meta.uid,
        }
        # Nearly always the answer is in memory, and awaiting would cost more than finding it.
        status = client.get_known(**service) or await client.get(**service)
        message = status.message
        phase = _PHASES[status.phase]
        if phase in (TaskExecution.FAILED, TaskExecution.RETRYABLE_FAILED):
            try:
                left = max(0.0, started + _POLL - time.monotonic())
                concluding = client.conclude(
                    status,
                    **service,
                    owner=resource_meta.owner,
                    existing=bool(resource_meta.dataservice_config.ExistingReleaseName),
                    keep=settings.keep_failed(),
                    timeout=left,
                )
                # The core ends by itself, and knows best how far it has come.
                conclusion = await asyncio.wait_for(concluding, left + _SETTLE)
                warn(conclusion.warning)
                status = conclusion.status
                message = status.message
                phase = _PHASES[status.phase]
            except (UnavailableError, asyncio.TimeoutError) as error:
                phase = TaskExecution.INITIALIZING
                message = f"{message} The service is deleted as soon as the API server can be used. {error}".rstrip()
            except DataServiceError as error:
                message = f"{message} The service was not deleted. {error}"
        return Answer(
            phase=phase,
            message=message,
            # Exactly the declared output: one key more breaks caching and local runs.
            outputs={"name": resource_meta.name} if status.phase == "Ready" else None,
            log_links=log_links(self._log_links, resource_meta.namespace, status),
            custom_info={"reason": status.reason, "ready": status.ready, "wanted": status.wanted},
        )

    async def delete(self, resource_meta: DataServiceMetadata, **kwargs: Any) -> None:
        """Takes down what the task made; a service that it only used is left alone.

        Raises:
            ForbiddenError: The connector's account lacks a permission.
            UnavailableError: The API server could not be used in time, or somebody's finalizer still holds an object;
                the call can be retried.
        """
        if await _take_down(resource_meta) == "Terminating":
            name, namespace = resource_meta.name, resource_meta.namespace
            raise UnavailableError(
                f"Data service {name} in namespace {namespace} is being deleted, but a finalizer holds one of its "
                f"objects: `kubectl get statefulset,service {name} --namespace {namespace} --output yaml` shows whose. "
                "Remove the finalizer, or wait for its owner."
            )


async def _take_down(resource_meta: DataServiceMetadata) -> str:
    """Deletes what the task made, and returns what became of it; what it only used is left alone."""
    if resource_meta.dataservice_config.ExistingReleaseName:
        return "LeftAlone"
    deletion = await default_client().delete(
        resource_meta.name,
        namespace=resource_meta.namespace,
        cluster=resource_meta.dataservice_config.Cluster,
        owner=resource_meta.owner,
    )
    return deletion.outcome


def delete_on_interrupt(resource_meta: DataServiceMetadata) -> None:
    """Does what the connector's delete does, without an event loop, as a signal handler needs it, and reports that.

    A failure is only reported, since the run ends all the same.
    """
    from flytekitplugins_k8sdataservice.interruption import say

    if resource_meta.dataservice_config.ExistingReleaseName:
        return
    service = f"data service {resource_meta.name} in namespace {resource_meta.namespace}"
    say(f"Interrupted: deleting {service} ...")
    try:
        deletion = default_client().delete_sync(
            resource_meta.name,
            namespace=resource_meta.namespace,
            cluster=resource_meta.dataservice_config.Cluster,
            owner=resource_meta.owner,
            timeout=_PATIENCE,
        )
    except DataServiceError as error:
        say(f"Could not delete {service}. It may still exist. {error}")
    else:
        say(f"{service[0].upper()}{service[1:]} {_DELETED[deletion.outcome]}")


def _create_locally(config: dict[str, Any], owner: Owner, arguments: dict[str, Any]) -> Created:
    """Creates in a local run, where Ctrl-C must leave nothing behind, and holds the service while the process lives.

    The call blocks, so that an interruption arrives here; a coroutine would just be abandoned with its loop.
    """
    from k8sdataservice.holder import this_process

    client = default_client()
    try:
        return client.create_sync(config, **arguments, holder=this_process())
    except (KeyboardInterrupt, SystemExit):
        from k8sdataservice._core import generate_name

        from flytekitplugins_k8sdataservice.config import DataServiceConfig
        from flytekitplugins_k8sdataservice.metadata import DataServiceMetadata

        namespace = config.get("Namespace") or settings.namespace_template(config.get("Cluster"))
        if settings.is_template(namespace):
            # A local run has no execution that fills it, so that nothing was made.
            raise
        time.sleep(_SETTLE)
        made = DataServiceMetadata(
            dataservice_config=DataServiceConfig(Cluster=config.get("Cluster")),
            name=config.get("Name") or generate_name(owner.id),
            namespace=namespace,
            owner=owner.id,
        )
        delete_on_interrupt(made)
        raise


def __getattr__(name: str) -> Any:
    if name == "DataServiceMetadata":
        from flytekitplugins_k8sdataservice.metadata import DataServiceMetadata

        return DataServiceMetadata
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


ConnectorRegistry.register(DataServiceConnector())
