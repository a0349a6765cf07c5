"""Get and delete, over gRPC through a real connector."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.configs import config
from cluster.support.connector import Connector, name_of, outputs_of
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import foreign_service, foreign_stateful_set, nothing, one, refusal


@pytest.mark.usefixtures("real_pods")
def test_a_service_comes_up_and_its_pods_answer_by_their_stable_names(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    resource_meta = connector.create(config("foo", Replicas=2))
    first = connector.get(resource_meta)
    assert first.phase in (TaskExecution.QUEUED, TaskExecution.INITIALIZING)
    assert "StatefulSet foo" in first.message
    assert outputs_of(first) == {}
    done = connector.until_done(resource_meta)
    assert done.phase == TaskExecution.SUCCEEDED
    assert outputs_of(done) == {"name": "foo"}
    answers = kubernetes.in_a_pod("wget -qO- http://foo-0.foo:40000/; wget -qO- http://foo-1.foo:40000/")
    assert answers.split() == ["foo-0", "foo-1"]
    full = kubernetes.in_a_pod(f"wget -qO- http://foo-1.foo.{kubernetes.namespace}:40000/")
    assert full.strip() == "foo-1"


@pytest.mark.usefixtures("real_pods")
def test_the_pods_see_the_documented_variables_and_user(connector: Connector, kubernetes: Kubernetes) -> None:
    script = (
        "echo $GE_BASE_PORT $GE_COUNT $SERVER_PORT $(id -u) $(id -g) > /tmp/index.html; exec httpd -f -p 40007 -h /tmp"
    )
    resource_meta = connector.create(config("env", Port=40007, Command=["sh", "-c", script]))
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED
    assert kubernetes.in_a_pod("wget -qO- http://env-0.env:40007/").split() == ["40007", "1", "40007", "1001", "1001"]


def test_a_service_without_replicas_is_ready_at_once(connector: Connector) -> None:
    resource_meta = connector.create(config("empty", Replicas=0))
    assert connector.until_done(resource_meta, timeout=10).phase == TaskExecution.SUCCEEDED


def test_a_service_that_cannot_start_is_never_called_ready(connector: Connector) -> None:
    resource_meta = connector.create(config("huge", Requests={"cpu": "1000000"}, Limits=None))

    def look() -> bool:
        resource = connector.get(resource_meta)
        assert resource.phase in (
            TaskExecution.QUEUED,
            TaskExecution.INITIALIZING,
            TaskExecution.WAITING_FOR_RESOURCES,
        )
        return "StatefulSet huge has 0 of 1 pod ready." in resource.message

    wait_until(look, "the message")


def test_delete_takes_both_objects_and_can_be_repeated(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("gone", Replicas=0))
    connector.delete(resource_meta)
    assert kubernetes.services() == nothing()
    connector.delete(resource_meta)


def test_get_after_delete_is_failed_with_a_sentence(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("gone", Replicas=0))
    connector.delete(resource_meta)
    resource = connector.get(resource_meta)
    assert resource.phase == TaskExecution.FAILED
    assert resource.message.startswith(f"StatefulSet gone does not exist in namespace {kubernetes.namespace}")


def test_an_abort_never_takes_what_came_under_the_name_since(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("foo", Replicas=0))
    connector.delete(resource_meta)
    kubernetes.apply(foreign_stateful_set("foo"), foreign_service("foo"))
    connector.delete(resource_meta)
    assert kubernetes.services() == one("foo")


def test_another_replica_of_the_connector_can_carry_on(
    connector: Connector, start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    resource_meta = connector.create(config("carried", Replicas=0))
    other = start_connector()
    assert other.until_done(resource_meta).phase == TaskExecution.SUCCEEDED
    other.delete(resource_meta)
    assert kubernetes.services() == nothing()


def test_an_existing_service_is_used_and_an_abort_leaves_it_alone(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.apply(foreign_stateful_set("existing"), foreign_service("existing"))
    placeholders = config(ExistingReleaseName="existing", Image="placeholder/image:latest", Command=["/bin/true"])
    resource_meta = connector.create(placeholders)
    assert name_of(resource_meta) == "existing"
    assert outputs_of(connector.until_done(resource_meta)) == {"name": "existing"}
    connector.delete(resource_meta)
    assert kubernetes.services() == one("existing")


def test_an_existing_service_that_is_not_there_fails_with_a_sentence(connector: Connector) -> None:
    resource_meta = connector.create(config(ExistingReleaseName="missing"))
    resource = connector.get(resource_meta)
    assert resource.phase == TaskExecution.FAILED
    assert "StatefulSet missing does not exist" in resource.message


def test_a_cluster_that_is_away_is_no_failure_of_the_service(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(kubernetes.kubeconfig.read_text())
    away = start_connector(KUBECONFIG=str(kubeconfig))
    resource_meta = away.create(config("foo", Replicas=0))
    # Nothing listens on port 1.
    text = kubernetes.kubeconfig.read_text()
    server = json.loads(kubernetes.run("config", "view", "--raw", "--output", "json"))["clusters"][0]["cluster"][
        "server"
    ]
    kubeconfig.write_text(text.replace(server, "https://127.0.0.1:1"))
    # A kubeconfig is looked at once a second.
    resource = wait_until(
        lambda: (resource := away.get(resource_meta)).phase == TaskExecution.INITIALIZING and resource, "the change", 5
    )
    assert "Could not get StatefulSet foo" in resource.message
    message = refusal(lambda: away.create(config("bar")))
    assert "UnavailableError: Could not create StatefulSet bar" in message
    with pytest.raises(grpc.RpcError):
        away.delete(resource_meta)
    # A kubeconfig that is mended is picked up.
    kubeconfig.write_text(text)
    assert away.until_done(resource_meta).phase == TaskExecution.SUCCEEDED


def test_a_delete_that_a_finalizer_holds_is_an_error_until_it_is_let_go(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    resource_meta = connector.create(config("held", Replicas=0))
    patch = '{"metadata":{"finalizers":["example.com/hold"]}}'
    kubernetes.run("patch", "statefulset", "held", "--type", "merge", "--patch", patch)
    for _ in range(2):
        message = refusal(lambda: connector.delete(resource_meta))
        assert "is being deleted, but a finalizer holds one of its objects" in message
    kubernetes.run("patch", "statefulset", "held", "--type", "merge", "--patch", '{"metadata":{"finalizers":null}}')
    connector.delete(resource_meta)
    assert kubernetes.services() == nothing()
