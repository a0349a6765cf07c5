"""Calls of the connectors, as flytepropeller makes them, and the count of what became of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc
from cluster.support.connector import PATIENCE, TASK_TYPE, Execution, create_request
from flyteidl.admin import agent_pb2
from flyteidl.core import literals_pb2, tasks_pb2
from flytekit.configuration import ImageConfig, SerializationSettings
from flytekit.tools.translator import get_serializable
from flytekitplugins.k8sdataservice.sensor import CleanupSensor

from soak.connectors import Connector, Connectors

SENSOR = "sensor"


class CallError(Exception):
    """A call that failed.

    Attributes:
        message: What the connector said, or gRPC.
        may_pass: Whether it is a fault that trying again may mend.
        is_outage: Whether the connector said that the API server is away.
        is_excused: Whether the connector was killed around that time.
    """

    def __init__(self, verb: str, connector: Connector, error: grpc.RpcError, since: float) -> None:
        code, details = error.code(), str(error.details())
        self.is_excused = connector.is_excused(since) and code != grpc.StatusCode.INTERNAL
        lost = code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
        self.is_outage = "UnavailableError" in details
        self.may_pass = lost or self.is_outage
        # The connector answers with its whole traceback, whose last line has the cause.
        lines = [line for line in details.splitlines() if "Error: " in line] or details.splitlines() or [""]
        self.message = f"{verb} at {connector.name} failed with {code.name}: {lines[-1][:400]}"
        super().__init__(self.message)


class Calls:
    """Calls whichever of the connectors comes next."""

    def __init__(self, connectors: Connectors) -> None:
        self._connectors = connectors
        self._lock = threading.Lock()
        self.made: Counter[str] = Counter()
        #: Those that failed because the connector was killed, because the API server was away, or for another reason.
        self.killed: Counter[str] = Counter()
        self.away: Counter[str] = Counter()
        self.other: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self._sensor = _sensor_template()

    def create(self, custom: dict[str, Any], execution: Execution) -> bytes:
        """Creates a task, and returns what Flyte keeps of it."""
        request = create_request(custom, execution)
        return bytes(self._call("create", lambda stub: stub.CreateTask(request, timeout=PATIENCE).resource_meta))

    def get(self, resource_meta: bytes, task_type: str = TASK_TYPE) -> agent_pb2.Resource:
        """Polls a task once."""
        category = agent_pb2.TaskCategory(name=task_type, version=0)
        request = agent_pb2.GetTaskRequest(resource_meta=resource_meta, task_category=category)
        verb = "poke" if task_type == SENSOR else "get"
        return self._call(verb, lambda stub: stub.GetTask(request, timeout=PATIENCE).resource)

    def delete(self, resource_meta: bytes) -> bool:
        """Aborts a task."""
        category = agent_pb2.TaskCategory(name=TASK_TYPE, version=0)
        request = agent_pb2.DeleteTaskRequest(resource_meta=resource_meta, task_category=category)
        return bool(self._call("delete", lambda stub: stub.DeleteTask(request, timeout=PATIENCE) is not None))

    def create_sensor(self, release_name: str) -> bytes:
        """Creates the task that takes the service of this name away."""
        inputs = {
            "release_name": literals_pb2.Primitive(string_value=release_name),
            "cleanup_data_service": literals_pb2.Primitive(boolean=True),
        }
        literals = {
            name: literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=value)) for name, value in inputs.items()
        }
        request = agent_pb2.CreateTaskRequest(
            inputs=literals_pb2.LiteralMap(literals=literals),
            template=self._sensor,
            output_prefix=Execution().output_prefix,
        )
        verb = "create sensor"
        return bytes(self._call(verb, lambda stub: stub.CreateTask(request, timeout=PATIENCE).resource_meta))

    def _call(self, verb: str, call: Callable[[Any], Any]) -> Any:
        connector, since = self._connectors.any(), time.monotonic()
        with self._lock:
            self.made[verb] += 1
        try:
            return call(connector.stub)
        except grpc.RpcError as rpc_error:
            error = CallError(verb, connector, rpc_error, since)
            with self._lock:
                reason = self.killed if error.is_excused else self.away if error.is_outage else self.other
                reason[verb] += 1
                if reason is self.other:
                    self.messages[error.message] += 1
            raise error from rpc_error


def _sensor_template() -> tasks_pb2.TaskTemplate:
    settings = SerializationSettings(ImageConfig.auto_default_image(), version="1")
    template = get_serializable({}, settings, CleanupSensor(name="cleanup")).template.to_flyte_idl()
    return tasks_pb2.TaskTemplate.FromString(template.SerializeToString())
