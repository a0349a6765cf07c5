"""A verdict outlives its answer: whoever polls again, on any connector, gets the same phase, cause and log lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flyteidl.admin import agent_pb2
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.configs import config
from cluster.support.connector import Connector, Execution
from cluster.support.kubernetes import Kubernetes
from cluster.support.objects import nothing, one
from cluster.support.verdicts import shell

RETRYABLE = TaskExecution.RETRYABLE_FAILED
FAILED = TaskExecution.FAILED

#: An image whose registry is away, which may pass, so that Flyte tries again.
AWAY = {"Image": "registry.example/broken:1"}

#: A namespace that lets nobody make a pod.
NO_PODS = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none"},
    "spec": {"hard": {"pods": "0"}},
}
AT_ONCE = "QuotaExceeded=0s,ContainerExits=0s,RegistryUnreachable=0s"


def reported(resource: agent_pb2.Resource) -> tuple[Any, ...]:
    return resource.phase, resource.message, dict(resource.custom_info)


@pytest.fixture
def first(start_connector: Callable[..., Connector]) -> Connector:
    """Returns a connector whose answers get lost."""
    return start_connector(K8SDATASERVICE_GRACE_PERIODS=AT_ONCE)


@pytest.fixture
def second(with_connector: Callable[..., Connector]) -> Connector:
    """Returns the connector that Flyte asks next."""
    return with_connector(K8SDATASERVICE_GRACE_PERIODS=AT_ONCE)


def test_a_retryable_failure_stays_retryable_on_every_connector(
    first: Connector, second: Connector, kubernetes: Kubernetes, real_pods: None
) -> None:
    resource_meta = first.create(config("foo", **AWAY))
    lost = first.until_done(resource_meta)
    assert lost.phase == RETRYABLE, lost
    assert kubernetes.services() == nothing()
    assert reported(first.get(resource_meta)) == reported(lost)
    first.stop()
    assert reported(second.get(resource_meta)) == reported(lost)
    assert reported(second.get(resource_meta)) == reported(lost)


def test_a_task_that_version_1_created_has_its_verdict_on_every_connector(
    first: Connector, second: Connector, kubernetes: Kubernetes, real_pods: None
) -> None:
    first.create(config("foo", **AWAY))
    # Version 1 wrote neither a uid nor an owner. It wrote no namespace either, since it knew only one.
    state = {"dataservice_config": {"Name": "foo"}, "name": "foo", "namespace": kubernetes.namespace}
    resource_meta = json.dumps(state).encode()
    lost = first.until_done(resource_meta)
    assert lost.phase == RETRYABLE, lost
    assert kubernetes.services() == nothing()
    assert reported(first.get(resource_meta)) == reported(lost)
    first.stop()
    assert reported(second.get(resource_meta)) == reported(lost)


def test_the_log_lines_outlive_the_pod(
    first: Connector, second: Connector, kubernetes: Kubernetes, real_pods: None
) -> None:
    resource_meta = first.create(config("foo", **shell("echo the reason; exit 3")))
    lost = first.until_done(resource_meta)
    assert lost.phase == FAILED and "the reason" in lost.message, lost
    first.stop()
    assert reported(second.get(resource_meta)) == reported(lost)
    of_service = "involvedObject.kind=StatefulSet,reason=ContainerExits"
    events = kubernetes.objects("events", fieldSelector=of_service)
    assert any("the reason" in event["message"] for event in events), events


def test_the_next_attempt_has_the_name_and_the_last_one_its_verdict(
    first: Connector, second: Connector, kubernetes: Kubernetes
) -> None:
    kubernetes.apply(NO_PODS)
    execution = Execution()
    attempt = first.create(config("foo"), execution)
    lost = first.until_done(attempt)
    kubernetes.run("delete", "resourcequota", "none")
    retry = second.create(config("foo", Replicas=0), execution.retried())
    assert second.until_done(retry).phase == TaskExecution.SUCCEEDED
    assert reported(second.get(attempt)) == reported(lost)
    assert kubernetes.services() == one("foo")
    second.delete(retry)


def test_a_kept_service_is_reported_with_its_verdict_even_if_it_recovers(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    connector = start_connector(K8SDATASERVICE_KEEP_FAILED="1h")
    limit = {"type": "Container", "max": {"cpu": "1m"}}
    small = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": {"limits": [limit]}}
    kubernetes.apply(small)
    resource_meta = connector.create(config("foo"))
    lost = connector.until_done(resource_meta)
    assert lost.phase == FAILED and "It is kept for inspection until " in lost.message
    kubernetes.run("scale", "statefulset", "foo", "--replicas", "0")
    kubernetes.run("wait", "statefulset/foo", "--for", "jsonpath={.status.observedGeneration}=2")
    again = connector.get(resource_meta)
    assert (again.phase, again.message) == (lost.phase, lost.message)


def test_without_the_permission_to_write_events_a_service_fails_as_before(
    first: Connector, kubernetes: Kubernetes
) -> None:
    kubernetes.apply(NO_PODS)
    role = [
        {"op": "test", "path": "/rules/5/resources", "value": ["events"]},
        {"op": "replace", "path": "/rules/5/verbs", "value": ["list"]},
    ]
    kubernetes.run("patch", "role", "k8sdataservice", "--type", "json", "--patch", json.dumps(role))
    resource_meta = first.create(config("foo"))
    lost = first.until_done(resource_meta)
    assert lost.phase == FAILED, lost
    assert kubernetes.services() == nothing()
    assert "could not be recorded" in first.log.read_text()
