"""A real ``pyflyte serve connector`` process, called over gRPC as Flyte calls it."""

from __future__ import annotations

import copy
import json
import os
import random
import socket
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
from flyteidl.admin import agent_pb2
from flyteidl.core import identifier_pb2, literals_pb2, tasks_pb2
from flyteidl.core.execution_pb2 import TaskExecution
from flyteidl.service import agent_pb2_grpc
from google.protobuf import json_format, struct_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cluster.support.fork_server import start_pyflyte
from cluster.support.kubernetes import wait_until
from cluster.support.scrape import Scrape, scrape

TASK_TYPE = "dataservicetask"
#: Flyte gives up on an answer after 10 s, newer versions after 3 s.
PATIENCE = 3.0
#: For the answer to a create it waits 10 s unless it is configured otherwise.
CREATE_PATIENCE = 10.0
#: A channel of its own for each client, so that closing one cancels its calls and no others.
_OPTIONS = [("grpc.use_local_subchannel_pool", 1)]


@dataclass(frozen=True)
class Execution:
    """One attempt of one node of one execution, as flytepropeller describes it."""

    name: str = field(default_factory=lambda: f"f{uuid.uuid4().hex[:18]}")
    node: str = "n0"
    attempt: int = 0
    #: The namespace of its pods and of its FlyteWorkflow.
    namespace: str = "flytesnacks-development"
    project: str = "flytesnacks"
    domain: str = "development"
    #: The execution that launched it, if any: its labels name that one.
    root: str | None = None

    def retried(self) -> Execution:
        """Returns the next attempt of the same node."""
        return replace(self, attempt=self.attempt + 1)

    @property
    def output_prefix(self) -> str:
        """Returns the output prefix, unique per node and attempt."""
        return (
            f"s3://bucket/metadata/propeller/{self.project}-{self.domain}-{self.name}/{self.node}/data/{self.attempt}"
        )

    @property
    def metadata(self) -> agent_pb2.TaskExecutionMetadata:
        """Returns Flyte's metadata of the execution for a connector."""
        execution = identifier_pb2.WorkflowExecutionIdentifier(project=self.project, domain=self.domain, name=self.name)
        return agent_pb2.TaskExecutionMetadata(
            task_execution_id=identifier_pb2.TaskExecutionIdentifier(
                node_execution_id=identifier_pb2.NodeExecutionIdentifier(execution_id=execution, node_id=self.node),
                retry_attempt=self.attempt,
            ),
            namespace=self.namespace,
            labels={"execution-id": self.root or self.name, "node-id": self.node, "project": self.project},
            annotations={"team": "ml"},
            k8s_service_account="default",
        )


class Caller:
    """A client of a connector, which calls it as Flyte does."""

    def __init__(self, port: int, namespace: str | None = None) -> None:
        """Makes the client of the connector on a port.

        Args:
            port: The port.
            namespace: The namespace of services whose configuration names none; by default the connector decides.
        """
        self.port = port
        self.namespace = namespace
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", _OPTIONS)
        self.stub = agent_pb2_grpc.AsyncAgentServiceStub(self.channel)

    def create(self, custom: dict[str, Any], execution: Execution | None = None) -> bytes:
        """Creates a task, and returns what Flyte keeps of it."""
        execution = execution or Execution()
        if self.namespace:
            custom = {"Namespace": self.namespace} | custom
        request = create_request(custom, execution)
        return bytes(self.stub.CreateTask(request, timeout=CREATE_PATIENCE).resource_meta)

    def get(self, resource_meta: bytes) -> agent_pb2.Resource:
        """Polls a task once."""
        request = agent_pb2.GetTaskRequest(resource_meta=resource_meta, task_category=_category())
        return self.stub.GetTask(request, timeout=PATIENCE).resource

    def delete(self, resource_meta: bytes) -> None:
        """Aborts a task."""
        request = agent_pb2.DeleteTaskRequest(resource_meta=resource_meta, task_category=_category())
        self.stub.DeleteTask(request, timeout=PATIENCE)

    def until_done(self, resource_meta: bytes, timeout: float = 60.0) -> agent_pb2.Resource:
        """Polls a task until it has ended."""

        def look() -> agent_pb2.Resource | None:
            resource = self.get(resource_meta)
            done = (TaskExecution.SUCCEEDED, TaskExecution.FAILED, TaskExecution.RETRYABLE_FAILED)
            return resource if resource.phase in done else None

        return wait_until(look, "the task to end", timeout)


class Connector(Caller):
    """The process, and a client of it."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        """Starts the process and waits until it serves."""
        port, self.prometheus_port = free_port(), free_port()
        ports = ["--port", str(port), "--prometheus_port", str(self.prometheus_port)]
        self.log = log
        self.process = start_pyflyte(["serve", "connector", *ports], environment, log)
        super().__init__(port)
        wait_until(self._serves, "the connector to serve")

    def in_namespace(self, namespace: str) -> Connector:
        """Returns the same connector, for a test that has a namespace of its own."""
        client = copy.copy(self)
        client.namespace = namespace
        return client

    def metrics(self) -> Scrape:
        """Returns its metrics as Prometheus gets them."""
        return scrape(self.prometheus_port)

    def _serves(self) -> bool:
        assert self.process.is_alive(), f"The connector ended:\n{self.log.read_text()}"
        try:
            health_pb2_grpc.HealthStub(self.channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
        except grpc.RpcError:
            return False
        return True

    def stop(self) -> None:
        """Ends the process."""
        self.channel.close()
        self.kill()

    def kill(self) -> None:
        """Kills the process, and leaves the client."""
        self.process.kill()
        self.process.join()


def create_request(custom: dict[str, Any], execution: Execution) -> agent_pb2.CreateTaskRequest:
    """Returns a create as Flyte sends it: the configuration has gone through a protobuf Struct."""
    struct = struct_pb2.Struct()
    json_format.Parse(json.dumps(custom), struct)
    template = tasks_pb2.TaskTemplate(type=TASK_TYPE, custom=struct)
    return agent_pb2.CreateTaskRequest(
        inputs=literals_pb2.LiteralMap(),
        template=template,
        output_prefix=execution.output_prefix,
        task_execution_metadata=execution.metadata,
    )


def outputs_of(resource: agent_pb2.Resource) -> dict[str, str]:
    """Returns the outputs of a task as plain strings."""
    literals = resource.outputs.literals
    return {name: literal.scalar.primitive.string_value for name, literal in literals.items()}


def name_of(resource_meta: bytes) -> str:
    """Returns the name of the service that a task stands for."""
    return str(json.loads(resource_meta)["name"])


def _category() -> agent_pb2.TaskCategory:
    return agent_pb2.TaskCategory(name=TASK_TYPE, version=0)


def free_port() -> int:
    """Returns a port below those that the kernel gives to clients, since one of them might get it in between."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment(kubeconfig: Path, namespace: str) -> dict[str, str]:
    """Returns the environment of a process that works on one namespace of one cluster."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("KUBERNETES_")}
    return kept | {
        "KUBECONFIG": str(kubeconfig),
        "K8SDATASERVICE_NAMESPACE": namespace,
        # Plain logs, that a test can read.
        "FLYTE_SDK_RICH_TRACEBACKS": "0",
        "FLYTE_SDK_LOGGING_LEVEL": "20",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
