"""The cost of a poll, and its answer while the API server is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flyteidl.admin import agent_pb2
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import foreign_service, foreign_stateful_set
from cluster.support.proxy import Proxy
from cluster.support.requests import being_deleted, requests_counted


@pytest.mark.serial  # The API server counts everybody's requests.
def test_polling_costs_the_api_server_nothing(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("foo", Replicas=0))
    connector.until_done(resource_meta)
    wait_until(lambda: not being_deleted(kubernetes), "the namespaces of earlier tests to be gone")
    before = requests_counted(kubernetes)
    for _ in range(200):
        assert connector.get(resource_meta).phase == TaskExecution.SUCCEEDED
    after = requests_counted(kubernetes)
    # A watch is counted when it ends, which it does by itself once a minute.
    made = {key: after[key] - before[key] for key in after if key[1] == "statefulsets" and key[0] != "WATCH"}
    assert not any(made.values()), made


def test_a_change_is_in_the_answer_without_another_request(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("foo", Replicas=0))
    connector.until_done(resource_meta)
    kubernetes.run("scale", "statefulset", "foo", "--replicas", "3")
    wait_until(lambda: "3 pods" in connector.get(resource_meta).message, "the change", timeout=5)


def test_while_the_api_server_is_away_the_last_that_is_known_is_the_answer(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    proxy = Proxy(kubernetes)
    connector = start_connector(KUBECONFIG=str(proxy.kubeconfig(tmp_path)))
    resource_meta = connector.create(config("foo", Replicas=0))
    connector.until_done(resource_meta)
    for _ in range(20):  # Until the watch has reported it too.
        assert connector.get(resource_meta).phase == TaskExecution.SUCCEEDED
        time.sleep(0.1)
    proxy.cut()
    away = wait_until(
        lambda: "has not answered since" in (resource := connector.get(resource_meta)).message and resource, "the fault"
    )
    # It may have been deleted since, so that Flyte has to ask again.
    assert away.phase == TaskExecution.INITIALIZING
    kubernetes.run("scale", "statefulset", "foo", "--replicas", "3")
    assert connector.get(resource_meta).phase == TaskExecution.INITIALIZING
    proxy.mend()

    def is_up_to_date() -> bool:
        # Each kind of object has a watch, and they do not all answer again in the same moment.
        message = connector.get(resource_meta).message
        return "3 pods" in message and "has not answered" not in message

    wait_until(is_up_to_date, "what has changed meanwhile", timeout=15)
    proxy.close()


def test_a_service_that_was_replaced_by_another_has_failed(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("foo", Replicas=0))
    connector.until_done(resource_meta)
    kubernetes.run("delete", "statefulset", "foo")
    kubernetes.apply(foreign_stateful_set("foo"), foreign_service("foo"))

    def failed() -> agent_pb2.Resource | None:
        # The watch reports the change a moment after it.
        resource = connector.get(resource_meta)
        return resource if resource.phase == TaskExecution.FAILED else None

    resource = wait_until(failed, "the failure", timeout=5)
    assert "was deleted, and another one of that name has been made since" in resource.message


def test_a_service_created_again_is_never_answered_with_the_old_ones_state(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    ready = connector.create(config("foo", Replicas=0))
    connector.until_done(ready)
    for _ in range(5):
        connector.delete(ready)
        waiting = connector.create(config("foo", Requests={"cpu": "1000000"}, Limits=None))
        # Whether or not the watch has reported the change yet.
        assert connector.get(waiting).phase != TaskExecution.SUCCEEDED
        connector.delete(waiting)
        ready = connector.create(config("foo", Replicas=0))
