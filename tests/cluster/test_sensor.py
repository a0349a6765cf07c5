"""The CleanupSensor, polled as Flyte polls it: through the sensor engine of a real connector."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from flyteidl.core.execution_pb2 import TaskExecution
from flytekitplugins_k8sdataservice import ForbiddenError, NotFoundError
from k8sdataservice._core import Client

from cluster.support.account import ACCOUNT
from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes
from cluster.support.objects import foreign_service, foreign_stateful_set, nothing, one
from cluster.support.polled_sensor import Sensor, sensor


@pytest.fixture
def connector(start_connector: Callable[..., Connector]) -> Connector:
    """Returns a connector whose default namespace is the test's, since a sensor need not name one."""
    return start_connector()


def test_the_sensor_takes_the_service_away_without_a_cluster(connector: Connector, kubernetes: Kubernetes) -> None:
    connector.create(config("foo", Replicas=0))
    polled = Sensor(connector, sensor(), release_name="foo", cleanup_data_service=True, cluster=None)
    assert polled.poll() == TaskExecution.SUCCEEDED
    assert kubernetes.services() == nothing()
    assert polled.poll() == TaskExecution.SUCCEEDED


def test_the_sensor_keeps_the_service_if_asked(connector: Connector, kubernetes: Kubernetes) -> None:
    connector.create(config("foo", Replicas=0))
    polled = Sensor(connector, sensor(), release_name="foo", cleanup_data_service=False, cluster="default-cluster")
    assert polled.poll() == TaskExecution.SUCCEEDED
    assert kubernetes.services() == one("foo")


def test_the_sensors_namespace_travels_with_it(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    start_connector().create(config("foo", Replicas=0))
    elsewhere = start_connector(K8SDATASERVICE_NAMESPACE="default")
    there = sensor(namespace=kubernetes.namespace)
    assert Sensor(elsewhere, there, release_name="foo", cleanup_data_service=True).poll() == TaskExecution.SUCCEEDED
    assert kubernetes.services() == nothing()


def test_the_sensor_fails_over_somebody_elses_service_and_leaves_it_alone(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    kubernetes.apply(foreign_stateful_set("theirs"), foreign_service("theirs"))
    polled = Sensor(connector, sensor(), release_name="theirs", cleanup_data_service=True)
    with pytest.raises(grpc.RpcError) as raised:
        polled.poll()
    message = raised.value.details()
    assert "was left alone: it was not made by a data service task (its labels are team=somebody-else)" in message
    assert kubernetes.services() == one("theirs")


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Returns a function that returns what flytekit's logger has warned of, which it does not pass on to pytest."""
    records: list[logging.LogRecord] = []
    monkeypatch.setattr(logging.getLogger("flytekit"), "handle", records.append)
    return lambda: [record.getMessage() for record in records if record.levelno >= logging.WARNING]


def make(name: str, namespace: str) -> None:
    Client().create_sync(config(name, Replicas=0), namespace=namespace, owner="me", execution="a test")


async def poke(name: str, namespace: str | None = None) -> bool:
    return await sensor(namespace=namespace).poke(release_name=name, cleanup_data_service=True)


async def test_the_sensor_warns_that_nothing_of_the_name_is_there(
    here: None, kubernetes: Kubernetes, warnings: Callable[[], list[str]]
) -> None:
    assert await poke("nothing")
    # The account may not look anywhere else.
    assert warnings() == [
        f"Namespace {kubernetes.namespace} has no data service nothing, so that nothing was deleted. If it was not "
        "deleted before, correct release_name, or the namespace of the CleanupSensor."
    ]


async def test_the_sensor_warns_of_nothing_where_it_has_deleted_something(
    here: None, kubernetes: Kubernetes, warnings: Callable[[], list[str]]
) -> None:
    make("foo", kubernetes.namespace)
    assert await poke("foo")
    assert warnings() == []


async def test_the_sensor_says_where_the_service_is_instead(
    here: None, kubernetes: Kubernetes, warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    # Neither the platform's namespace nor flyte, so that the whole cluster has to be searched.
    monkeypatch.setenv("K8SDATASERVICE_NAMESPACE", "default")
    name = f"foo-{uuid.uuid4().hex[:6]}"
    make(name, kubernetes.namespace)
    assert await poke(name)
    assert warnings() == [
        f"Namespace default has no data service {name}, so that nothing was deleted. A data service of that name "
        f"exists in namespace {kubernetes.namespace}: to delete it, use "
        f'CleanupSensor(..., namespace="{kubernetes.namespace}").'
    ]
    assert kubernetes.services() == one(name)


async def test_the_sensor_looks_into_the_platforms_namespace_without_permission_to_list_all(
    here: None, kubernetes: Kubernetes, request: pytest.FixtureRequest, warnings: Callable[[], list[str]]
) -> None:
    with_cluster_role(kubernetes, request)
    make("foo", kubernetes.namespace)
    kubernetes.apply(foreign_stateful_set("theirs"))
    assert await poke("foo", "default")
    assert await poke("theirs", "default")
    found, theirs = warnings()
    assert f"A data service of that name exists in namespace {kubernetes.namespace}: to delete it" in found
    # Somebody else's object of that name is no data service.
    assert "exists in namespace" not in theirs


async def test_a_namespace_that_does_not_exist_is_an_error_of_the_sensor(
    here: None, kubernetes: Kubernetes, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = "Namespace no-such does not exist. Service foo was not looked for in any other namespace"
    # An account of one namespace may do nothing in one that does not exist.
    with pytest.raises(ForbiddenError):
        await poke("foo", "no-such")
    # It may not get namespaces either, and finds out all the same.
    with_cluster_role(kubernetes, request)
    with pytest.raises(NotFoundError, match=missing):
        await poke("foo", "no-such")
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    with pytest.raises(NotFoundError, match=missing):
        await poke("foo", "no-such")


def with_cluster_role(kubernetes: Kubernetes, request: pytest.FixtureRequest) -> None:
    """Lets the test's account get and create StatefulSets and Services in all namespaces."""
    name = kubernetes.namespace
    rbac = "rbac.authorization.k8s.io"
    rule = {"apiGroups": ["apps", ""], "resources": ["statefulsets", "services"], "verbs": ["get", "create"]}
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": [rule]}
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": kubernetes.namespace}],
    }
    request.addfinalizer(lambda: kubernetes.run("delete", "clusterrole,clusterrolebinding", name))
    kubernetes.apply(role, binding)


def test_the_sensor_takes_what_the_plugin_made_before_version_2(connector: Connector, kubernetes: Kubernetes) -> None:
    labels = {"app": "service-name", "app.kubernetes.io/instance": "old"}
    kubernetes.apply(foreign_stateful_set("old", labels), foreign_service("old", labels))
    polled = Sensor(connector, sensor(), release_name="old", cleanup_data_service=True)
    assert polled.poll() == TaskExecution.SUCCEEDED
    assert kubernetes.services() == nothing()


def test_the_sensor_polls_again_while_the_cluster_is_away(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Any
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    text = kubernetes.kubeconfig.read_text()
    server = kubernetes.run("config", "view", "--output", "jsonpath={.clusters[0].cluster.server}")
    kubeconfig.write_text(text.replace(server, "https://127.0.0.1:1"))
    polled = Sensor(start_connector(KUBECONFIG=str(kubeconfig)), sensor(), release_name="x", cleanup_data_service=True)
    assert polled.poll() == TaskExecution.RUNNING
    kubeconfig.write_text(text)
    assert polled.poll() == TaskExecution.SUCCEEDED


def test_the_sensor_waits_for_a_deletion_that_a_finalizer_holds(connector: Connector, kubernetes: Kubernetes) -> None:
    connector.create(config("held", Replicas=0))
    patch = '{"metadata":{"finalizers":["example.com/hold"]}}'
    kubernetes.run("patch", "statefulset", "held", "--type", "merge", "--patch", patch)
    polled = Sensor(connector, sensor(), release_name="held", cleanup_data_service=True)
    assert polled.poll() == TaskExecution.RUNNING
    assert kubernetes.names("statefulsets") == ["held"]
    kubernetes.run("patch", "statefulset", "held", "--type", "merge", "--patch", '{"metadata":{"finalizers":null}}')
    assert polled.poll() == TaskExecution.SUCCEEDED
    assert kubernetes.services() == nothing()
