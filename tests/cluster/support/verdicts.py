"""Ways to keep a service from starting, and what is to be reported of each."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from typing import Any

from flyteidl.admin import agent_pb2
from flyteidl.core.execution_pb2 import TaskExecution
from google.protobuf import json_format

from cluster.support.configs import TINY, config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Object, wait_until

FAILED = TaskExecution.FAILED
WAITS = TaskExecution.WAITING_FOR_RESOURCES
STARTS = TaskExecution.INITIALIZING

#: The processor architecture of the local cluster's node, as Kubernetes calls it.
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
#: An image for a processor that no node has.
FOREIGN = "registry.example/foreign:index"


@dataclass(frozen=True)
class Fault:
    """A way to keep a service from starting, and what is to be reported of it."""

    reason: str
    phase: int
    words: str
    config: dict[str, Any] = field(default_factory=dict)
    #: The fields of the pod in its PodTemplate.
    pod: Object = field(default_factory=dict)
    #: The fields of the container in its PodTemplate.
    container: Object = field(default_factory=dict)
    #: Words that distinguish it from others of the same reason.
    variant: str = ""


def requests(**amounts: str) -> dict[str, Any]:
    return {"Requests": TINY | amounts, "Limits": None}


def shell(script: str) -> dict[str, Any]:
    return {"Command": ["sh", "-c", script]}


def probe(kind: str) -> Object:
    """Returns a probe that fails as soon as the process has had time to say something."""
    probe: Object = {"exec": {"command": ["false"]}, "periodSeconds": 1, "initialDelaySeconds": 2}
    # How often a readiness probe fails does not matter.
    probe |= {} if kind == "readinessProbe" else {"failureThreshold": 1, "terminationGracePeriodSeconds": 1}
    return {kind: probe}


def volume(**source: Object) -> dict[str, Any]:
    """Returns a pod and a container with a volume."""
    return {
        "pod": {"volumes": [{"name": "v", **source}]},
        "container": {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
    }


def variable(source: str, name: str, key: str) -> Object:
    return {"env": [{"name": "X", "valueFrom": {source: {"name": name, "key": key}}}]}


def name_of(fault: Fault) -> str:
    return f"{fault.reason}{fault.variant}".lower()


def bring_up(connector: Connector, fault: Fault) -> bytes:
    """Makes a service that has the fault."""
    fields = dict(fault.config)
    if fault.pod or fault.container:
        fields["PodTemplate"] = {"spec": {**fault.pod, "containers": [{"name": "primary", **fault.container}]}}
    return connector.create(config(name_of(fault), **fields))


def reason_of(resource: agent_pb2.Resource) -> str:
    return str(json_format.MessageToDict(resource.custom_info)["reason"])


def until_reported(
    connector: Connector, resource_meta: bytes, fault: Fault, timeout: float = 30.0
) -> agent_pb2.Resource:
    """Polls until the cause is reported in all its words, some of which only events know, and checks the phase."""

    def look() -> agent_pb2.Resource | None:
        resource = connector.get(resource_meta)
        reported = reason_of(resource) == fault.reason and fault.words in resource.message
        reported = reported and (fault.phase != FAILED or resource.phase == FAILED)
        assert reported or resource.phase not in (FAILED, TaskExecution.SUCCEEDED), resource
        return resource if reported else None

    resource = wait_until(look, f"{fault.reason} to be reported", timeout)
    assert resource.phase == fault.phase, resource
    return resource
