"""A sensor as Flyte runs it: serialized here, polled in a connector."""

from __future__ import annotations

import uuid
from typing import Any

from flyteidl.admin import agent_pb2
from flyteidl.core import literals_pb2, tasks_pb2
from flytekit import FlyteContext
from flytekit.configuration import ImageConfig, SerializationSettings
from flytekit.core.type_engine import TypeEngine
from flytekit.models.literals import LiteralMap
from flytekit.tools.translator import get_serializable
from flytekitplugins.k8sdataservice.sensor import CleanupSensor

from cluster.support.connector import PATIENCE, Caller, Execution


class Sensor:
    """A sensor as Flyte runs it: serialized here, polled there."""

    def __init__(self, connector: Caller, sensor: CleanupSensor, **inputs: Any) -> None:
        self.stub = connector.stub
        settings = SerializationSettings(ImageConfig.auto_default_image(), version="1")
        template = get_serializable({}, settings, sensor).template.to_flyte_idl()
        wire = tasks_pb2.TaskTemplate.FromString(template.SerializeToString())
        literals = TypeEngine.dict_to_literal_map(FlyteContext.current_context(), inputs, sensor.get_input_types())
        request = agent_pb2.CreateTaskRequest(
            inputs=self._as_sent(literals), template=wire, output_prefix=Execution().output_prefix
        )
        self.resource_meta = self.stub.CreateTask(request, timeout=PATIENCE).resource_meta

    @staticmethod
    def _as_sent(literals: LiteralMap) -> literals_pb2.LiteralMap:
        return literals_pb2.LiteralMap.FromString(literals.to_flyte_idl().SerializeToString())

    def poll(self, elsewhere: Caller | None = None) -> int:
        """Polls once, in another connector than the first if need be, and returns the phase."""
        stub = elsewhere.stub if elsewhere else self.stub
        category = agent_pb2.TaskCategory(name="sensor", version=0)
        request = agent_pb2.GetTaskRequest(resource_meta=self.resource_meta, task_category=category)
        return int(stub.GetTask(request, timeout=PATIENCE).resource.phase)


def sensor(**arguments: Any) -> CleanupSensor:
    return CleanupSensor(name=f"cleanup-{uuid.uuid4().hex[:6]}", **arguments)
