"""A connector that does nothing: what is left is the cost of Flyte's own server, which no plugin can undercut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flyteidl.core.execution_pb2 import TaskExecution
from flytekit.extend.backend.base_connector import AsyncConnectorBase, ConnectorRegistry, Resource, ResourceMeta
from flytekit.models.literals import Literal, LiteralMap, Primitive, Scalar

if TYPE_CHECKING:
    from flytekit.models.task import TaskTemplate


@dataclass
class IdleMetadata(ResourceMeta):
    """The state of a task that nothing is done for, in the shape that the requests have."""

    dataservice_config: dict[str, Any]
    name: str
    namespace: str | None = None


class IdleConnector(AsyncConnectorBase):
    """Answers at once, with what the others answer for a service that is ready."""

    name = "Connector that does nothing"

    def __init__(self) -> None:
        """Takes the same task type as the others, so that all are sent the same requests."""
        super().__init__(task_type_name="dataservicetask", metadata_type=IdleMetadata)

    async def create(self, task_template: TaskTemplate, **kwargs: Any) -> IdleMetadata:
        """Makes nothing."""
        return IdleMetadata(dataservice_config={}, name=task_template.custom["Name"])

    async def get(self, resource_meta: IdleMetadata, **kwargs: Any) -> Resource:
        """Says that all is well, in the way that is cheapest for Flyte's server."""
        name = Literal(scalar=Scalar(primitive=Primitive(string_value=resource_meta.name)))
        return Resource(phase=TaskExecution.SUCCEEDED, outputs=LiteralMap({"name": name}))

    async def delete(self, resource_meta: IdleMetadata, **kwargs: Any) -> None:
        """Deletes nothing."""


ConnectorRegistry.register(IdleConnector())
