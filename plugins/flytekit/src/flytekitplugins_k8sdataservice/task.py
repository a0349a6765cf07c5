"""The task that brings a data service up, or uses one that exists."""

from __future__ import annotations

import asyncio
import sys
from types import FrameType
from typing import Any

from flytekit import kwtypes
from flytekit.configuration import SerializationSettings
from flytekit.core.base_task import PythonTask
from flytekit.core.interface import Interface
from flytekit.core.promise import Promise
from flytekit.extend.backend.base_connector import AsyncConnectorExecutorMixin, Resource
from flytekit.extend.backend.utils import is_terminal_phase
from k8sdataservice.endpoints import Endpoints, endpoints

from flytekitplugins_k8sdataservice.config import DataServiceConfig
from flytekitplugins_k8sdataservice.connector import TASK_TYPE, delete_on_interrupt
from flytekitplugins_k8sdataservice.metadata import DataServiceMetadata
from flytekitplugins_k8sdataservice.registration import refuse_cache, refuse_cache_of_node

__all__ = ["DataServiceConfig", "DataServiceTask"]

#: Why the task cannot be cached.
_OF_CACHING = "a second run would get the name of a service that may be deleted already"

#: How often a local run looks at its service, in seconds.
_INTERVAL = 0.1


class DataServiceTask(AsyncConnectorExecutorMixin, PythonTask[DataServiceConfig]):
    """Brings a data service up and succeeds when it is ready. Its output ``name`` is the service's name."""

    _TASK_TYPE = TASK_TYPE

    def __init__(
        self,
        name: str,
        task_config: DataServiceConfig | None,
        inputs: dict[str, type] | None = None,
        **kwargs: Any,
    ) -> None:
        """Makes the task.

        Args:
            name: The task's name in Flyte.
            task_config: What to bring up, or which service to use.
            inputs: Inputs of the task, if any. They do not influence the service; they order it after other tasks.
            **kwargs: As for any ``flytekit`` task.
        """
        self._cache = kwargs.pop("cache", None)
        super().__init__(
            name=name,
            task_config=task_config,
            interface=Interface(inputs=inputs, outputs=kwtypes(name=str)),
            task_type=self._TASK_TYPE,
            **kwargs,
        )

    def get_custom(self, settings: SerializationSettings) -> dict[str, Any]:
        """Returns the configuration as it travels to the connector.

        Raises:
            InvalidSpecError: A field is at fault, or the task would be cached, so that registering fails and not the
                first run.
        """
        from k8sdataservice._core import validate

        refuse_cache(self, self._cache, _OF_CACHING)
        wire = self.to_wire()
        validate(wire)
        return wire

    def to_wire(self) -> dict[str, Any]:
        """Returns the wire form of the configuration, as ``DataServiceConfig.to_wire`` does.

        Raises:
            InvalidSpecError: ``PodTemplate`` is no template, or its file cannot be read.
        """
        return (self.task_config or DataServiceConfig()).to_wire()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the task or, in a workflow, adds it as a node that cannot be cached."""
        result = super().__call__(*args, **kwargs)
        if isinstance(result, Promise) and not result.is_ready:
            refuse_cache_of_node(result.ref.node, self, _OF_CACHING)
        return result

    def endpoints(self, name: str) -> Endpoints:
        """Returns the addresses of the pods of this task's service, from its configuration.

        Nothing is asked of the cluster, so that any task can call it; except for an existing service, of which nothing
        is declared.

        Args:
            name: The service's name, which is this task's output.
        """
        return endpoints(name, self)

    def execute(self, **kwargs: Any) -> Any:
        """Runs the task locally. Ctrl-C, SIGTERM or closing the terminal removes the service that it made."""
        from flytekitplugins_k8sdataservice.interruption import end_like_ctrl_c

        end_like_ctrl_c()
        return super().execute(**kwargs)

    async def _get(self, resource_meta: DataServiceMetadata) -> Resource:
        """Polls until the service of a local run is ready or has failed, and shows what it waits for.

        flytekit's own loop looks once a second and blocks its thread meanwhile; looking costs nothing here.
        """
        from k8sdataservice.progress import Progress

        with Progress() as progress:
            while True:
                resource = await self._connector.get(resource_meta=resource_meta)
                if self._clean_up_task:
                    sys.exit(1)
                progress.update(resource.message or "")
                if is_terminal_phase(resource.phase):
                    return resource
                await asyncio.sleep(_INTERVAL)

    def connector_signal_handler(
        self, resource_meta: DataServiceMetadata, signum: int, frame: FrameType | None
    ) -> None:
        """Deletes what a local run created when it is interrupted, and reports that.

        flytekit's own handler starts an event loop inside the one that is running, which fails, and deletes nothing.
        """
        delete_on_interrupt(resource_meta)
        self._clean_up_task = True
