"""The CleanupSensor, polled as Flyte polls it: through the sensor engine of a real connector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from flyteidl.core.execution_pb2 import TaskExecution

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


def test_the_sensor_keeps_the_service_if_told_so(connector: Connector, kubernetes: Kubernetes) -> None:
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
