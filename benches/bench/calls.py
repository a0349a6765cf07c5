"""The messages that Flyte sends to a connector, and what an answer must be."""

from __future__ import annotations

import json
from typing import Any

from flyteidl.admin import agent_pb2
from flyteidl.core.execution_pb2 import TaskExecution
from flyteidl.core.identifier_pb2 import (
    TASK,
    Identifier,
    NodeExecutionIdentifier,
    TaskExecutionIdentifier,
    WorkflowExecutionIdentifier,
)
from flyteidl.core.tasks_pb2 import TaskTemplate
from google.protobuf.struct_pb2 import Struct

TASK_TYPE = "dataservicetask"
_CATEGORY = agent_pb2.TaskCategory(name=TASK_TYPE, version=0)
_PROJECT, _DOMAIN = "bench", "development"
#: Where the runs are that make services.
RUN_NAMESPACE = f"{_PROJECT}-{_DOMAIN}"

Config = dict[str, Any]


def pending_service(name: str) -> Config:
    """Returns the configuration of a service that any of the connectors can make, and whose pod no node can take.

    The peer's create fails when Port or Replicas is given, so both keep their defaults. Nothing fits a pod that wants a
    thousand cores: the node must not be busy with starting pods while creates are measured.
    """
    amounts = {"cpu": "1000", "mem": "16Mi"}
    return {
        "Name": name,
        "Image": "busybox:latest",
        "Command": ["sleep", "3600"],
        "Requests": amounts,
        "Limits": amounts,
        # Flyte's SDK always sends these two, and the peer does not do without.
        "ExistingReleaseName": None,
        "Cluster": None,
    }


def running_service(name: str) -> Config:
    """Returns the configuration of a small service that starts quickly and ends as soon as it is asked to."""
    return {
        "Name": name,
        "Image": "busybox:latest",
        # The first process of a container ignores SIGTERM unless it handles it.
        "Command": ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 40000 & wait"],
        "Port": 40000,
        "Replicas": 1,
        "Requests": {"cpu": "10m", "mem": "16Mi"},
        "Limits": {"cpu": "200m", "mem": "64Mi"},
    }


def create_request(config: Config) -> agent_pb2.CreateTaskRequest:
    """Returns the request to make a service, as a node execution of its own."""
    # Numbers become floats here, as they do in Flyte.
    custom = Struct()
    custom.update(config)
    task = Identifier(resource_type=TASK, project=_PROJECT, domain=_DOMAIN, name="service", version="1")
    execution = WorkflowExecutionIdentifier(project=_PROJECT, domain=_DOMAIN, name=config["Name"])
    node = NodeExecutionIdentifier(node_id="n0", execution_id=execution)
    return agent_pb2.CreateTaskRequest(
        template=TaskTemplate(id=task, type=TASK_TYPE, custom=custom),
        output_prefix=f"s3://bench/metadata/{_PROJECT}-{_DOMAIN}-{config['Name']}/n0/data/0",
        task_execution_metadata=agent_pb2.TaskExecutionMetadata(
            task_execution_id=TaskExecutionIdentifier(task_id=task, node_execution_id=node, retry_attempt=0),
            namespace=RUN_NAMESPACE,
            labels={"execution-id": config["Name"], "project": _PROJECT, "domain": _DOMAIN, "node-id": "n0"},
        ),
    )


def get_request(metadata: bytes) -> agent_pb2.GetTaskRequest:
    """Returns the request of a service's status."""
    return agent_pb2.GetTaskRequest(task_category=_CATEGORY, resource_meta=metadata)


def metadata_of(name: str, namespace: str | None = None) -> bytes:
    """Returns the state of a task whose service has this name, in the shape that both plugins write and read.

    With a namespace, which the peer does not know, it is the state of one of ours.
    """
    absent = ("Requests", "Limits", "Port", "Image", "Command", "Replicas", "ExistingReleaseName", "Cluster")
    config: Config = {"Name": name} | dict.fromkeys(absent)
    where = {} if namespace is None else {"namespace": namespace}
    return json.dumps({"dataservice_config": config, "name": name, **where}).encode()


def answered_name(answer: agent_pb2.CreateTaskResponse) -> str:
    """Returns the name of the service that a create says it has made."""
    name: str = json.loads(answer.resource_meta)["name"]
    return name


def is_ready(answer: agent_pb2.GetTaskResponse) -> bool:
    """Returns whether a get says that the service is ready."""
    return bool(answer.resource.phase == TaskExecution.SUCCEEDED)
