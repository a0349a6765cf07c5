"""A service that its run owns: Kubernetes itself deletes it with the run, while no connector runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from k8sdataservice._core import Client

from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import nothing, one
from cluster.support.runs import SUCCEEDED, Run, begin, define_runs, runs_shown

#: How long Kubernetes may take to notice that a kind exists which garbage can belong to, in seconds: it looks every 30.
NOTICES = 90.0

#: For how long to look whether a service stays, in seconds.
STAYS = 5.0


@pytest.fixture
def connector(start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path) -> Iterator[Connector]:
    """Returns a connector whose services are owned by their runs."""
    define_runs(kubernetes)
    settings = tmp_path / "settings.yaml"
    wanted = {"ownerReferences": True, "keepFailed": "1h", "gracePeriods": {"ContainerExits": 0}}
    settings.write_text(json.dumps(wanted))
    with runs_shown(kubernetes):
        yield start_connector(K8SDATASERVICE_SETTINGS=str(settings))


def service(**fields: Any) -> dict[str, Any]:
    return config("foo", **{"Replicas": 0, "Lifetime": "run"} | fields)


def owners(kubernetes: Kubernetes) -> list[str]:
    """Returns the names of the owners of the service."""
    found = kubernetes.get("statefulset", "foo")
    assert found
    return [owner["name"] for owner in found["metadata"].get("ownerReferences", [])]


def garbage_is_collected(kubernetes: Kubernetes) -> None:
    """Waits until Kubernetes collects what belongs to a FlyteWorkflow."""
    run = begin(kubernetes)
    owner = {"apiVersion": "flyte.lyft.com/v1alpha1", "kind": "FlyteWorkflow", "name": run.execution.name}
    owner["uid"] = run.uid
    metadata = {"name": "canary", "ownerReferences": [owner]}
    kubernetes.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    run.abort()
    wait_until(lambda: not kubernetes.get("configmap", "canary"), "the garbage collector", NOTICES)


@pytest.mark.parametrize("replicas", [0, 1])
def test_kubernetes_deletes_a_service_with_its_run_while_no_connector_runs(
    connector: Connector, kubernetes: Kubernetes, replicas: int
) -> None:
    run = begin(kubernetes)
    connector.create(service(Replicas=replicas), run.execution)
    assert owners(kubernetes) == [run.execution.name]
    connector.stop()
    time.sleep(STAYS)
    assert kubernetes.services() == one("foo")
    run.abort()
    wait_until(lambda: kubernetes.services() == nothing(), "the service to be gone", NOTICES)


def test_a_second_run_keeps_the_service_of_the_first(connector: Connector, kubernetes: Kubernetes) -> None:
    first, second = begin(kubernetes), begin(kubernetes)
    connector.create(service(), first.execution)
    connector.create(service(), second.execution)
    assert owners(kubernetes) == []
    garbage_is_collected(kubernetes)
    first.abort()
    time.sleep(STAYS)
    assert kubernetes.services() == one("foo")
    second.end(SUCCEEDED)
    wait_until(lambda: kubernetes.services() == nothing(), "the service to be gone")


def test_a_run_that_attaches_keeps_the_service_of_another(connector: Connector, kubernetes: Kubernetes) -> None:
    connector.create(service(), begin(kubernetes).execution)
    connector.create({"ExistingReleaseName": "foo"}, begin(kubernetes).execution)
    assert owners(kubernetes) == []


def test_a_second_task_of_the_run_leaves_the_service_to_it(connector: Connector, kubernetes: Kubernetes) -> None:
    run = begin(kubernetes)
    connector.create(service(), run.execution)
    connector.create({"ExistingReleaseName": "foo"}, replace(run.execution, node="n1"))
    assert owners(kubernetes) == [run.execution.name]


def test_a_process_that_holds_a_service_keeps_it(
    connector: Connector, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector.create(service(), begin(kubernetes).execution)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    client = Client()
    client.hold_sync("foo", namespace=kubernetes.namespace, owner="me", holder="a test")
    assert owners(kubernetes) == []


def test_an_update_leaves_the_service_to_the_sweep(
    connector: Connector, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(kubernetes)
    connector.create(service(), run.execution)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    wanted = service(Lifetime="persist")
    Client().update_sync(wanted, namespace=kubernetes.namespace, owner="me", execution="a test", adopt=True)
    assert owners(kubernetes) == []


@pytest.mark.parametrize(
    "lifetime",
    [
        "persist",
        {"bound": "run", "grace": "1m"},
        {"bound": "run", "after": {"failed": "1m"}},
        {"idle": {"after": "1m", "then": "Delete"}},
    ],
    ids=["persist", "grace", "after", "idle"],
)
def test_a_service_that_outlives_its_run_is_not_owned_by_it(
    connector: Connector, kubernetes: Kubernetes, lifetime: Any
) -> None:
    connector.create(service(Lifetime=lifetime), begin(kubernetes).execution)
    assert owners(kubernetes) == []


def test_without_the_setting_no_run_owns_a_service(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    define_runs(kubernetes)
    with runs_shown(kubernetes):
        start_connector().create(service(), begin(kubernetes).execution)
    assert owners(kubernetes) == []


def test_a_run_of_another_namespace_owns_nothing(connector: Connector, kubernetes: Kubernetes) -> None:
    elsewhere = Kubernetes(kubernetes.kubectl, kubernetes.kubeconfig, f"{kubernetes.namespace}-b")
    elsewhere.create_namespace()
    run: Run = begin(elsewhere)
    connector.create(service(), run.execution)
    assert owners(kubernetes) == []
    elsewhere.delete_namespace()


@pytest.mark.usefixtures("real_pods")
def test_a_failed_service_that_is_kept_outlives_its_run(connector: Connector, kubernetes: Kubernetes) -> None:
    run = begin(kubernetes)
    made = connector.create(service(Replicas=1, Command=["false"], Args=[]), run.execution)
    assert owners(kubernetes) == [run.execution.name]
    assert "kept" in connector.until_done(made, timeout=120).message
    assert owners(kubernetes) == []
