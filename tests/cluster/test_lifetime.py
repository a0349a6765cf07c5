"""Services that end with the runs that use them: real connectors, a real API server, and a played flytepropeller."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flyteidl.core.execution_pb2 import TaskExecution
from flytekitplugins_k8sdataservice import NotFoundError, endpoints
from k8sdataservice._core import Client
from k8sdataservice._core import Execution as Named

from cluster.support.account import give_role
from cluster.support.configs import config
from cluster.support.connector import Connector, Execution, environment, name_of
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import nothing
from cluster.support.polled_sensor import Sensor, sensor
from cluster.support.runs import FAILED, SUCCEEDED, Run, begin, define_runs, runs_shown
from cluster.support.shared import Connectors

#: For how long a service is looked at that must not go, in seconds: a connector looks every 5.
STAYS = 7.0

HOLDER = "holder.k8sdataservice.flyte.org/"


@pytest.fixture
def connector(connectors_that_see_runs: Connectors, kubernetes: Kubernetes) -> Connector:
    """Returns a connector that watches runs, and that other tests use too."""
    give_role(kubernetes, beside=connectors_that_see_runs.namespace)
    return connectors_that_see_runs.get().in_namespace(kubernetes.namespace)


@pytest.fixture
def own_connector(kubernetes: Kubernetes, start_connector: Callable[..., Connector]) -> Iterator[Connector]:
    """Returns a connector that watches runs, and that the test may end."""
    define_runs(kubernetes)
    with runs_shown(kubernetes):
        yield start_connector()


def holders(kubernetes: Kubernetes, name: str) -> list[str]:
    """Returns the runs that hold a service."""
    there = kubernetes.get("statefulset", name)
    annotations = (there or {"metadata": {}})["metadata"].get("annotations", {})
    return sorted(json.loads(value)["name"] for key, value in annotations.items() if key.startswith(HOLDER))


def is_gone(kubernetes: Kubernetes) -> bool:
    return kubernetes.services() == nothing()


def until_gone(kubernetes: Kubernetes, timeout: float = 20.0) -> None:
    wait_until(lambda: is_gone(kubernetes), "the service to be gone", timeout)


def stays(kubernetes: Kubernetes, name: str) -> None:
    end = time.monotonic() + STAYS
    while time.monotonic() < end:
        assert kubernetes.get("statefulset", name), f"{name} is gone"
        time.sleep(0.3)


@pytest.mark.parametrize(
    "end",
    [lambda run: run.end(SUCCEEDED), lambda run: run.end(FAILED), lambda run: run.abort()],
    ids=["success", "failure", "abort"],
)
def test_a_service_without_a_name_ends_with_its_run_however_that_ends(
    connector: Connector, kubernetes: Kubernetes, end: Callable[[Run], None]
) -> None:
    run = begin(kubernetes)
    name = name_of(connector.create(config(None, Replicas=0), run.execution))
    assert holders(kubernetes, name) == [run.execution.name]
    end(run)
    until_gone(kubernetes)


@pytest.mark.usefixtures("here")
def test_a_consumer_learns_when_and_why_a_service_has_ended(connector: Connector, kubernetes: Kubernetes) -> None:
    run = begin(kubernetes)
    connector.create(config("foo", Replicas=0, Lifetime="run"), run.execution)
    run.end(FAILED)
    until_gone(kubernetes)
    wait_until(lambda: kubernetes.objects("events", fieldSelector="reason=DataServiceEnded"), "the record of its end")
    with pytest.raises(NotFoundError) as raised:
        endpoints("foo")
    message = str(raised.value)
    assert re.search(
        rf"Data service foo ended at 20\S+Z: its last run has failed. It was used by {run.name}\.", message
    )
    assert "Relaunch the workflow" in message and "Lifetime" in message


@pytest.mark.usefixtures("real_pods")
def test_the_receipt_of_a_service_has_the_time_and_the_requests_of_its_pods(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    run = begin(kubernetes)
    requests = {"cpu": "100m", "mem": "16Mi"}
    wanted = config("foo", Replicas=2, Lifetime="run", Command=["sleep", "1000"], Requests=requests)
    connector.until_done(connector.create(wanted, run.execution))
    started = [datetime.fromisoformat(pod["status"]["startTime"]) for pod in kubernetes.objects("pods")]
    run.end(SUCCEEDED)
    until_gone(kubernetes)
    select = {"fieldSelector": "reason=DataServiceEnded"}
    [event] = wait_until(lambda: kubernetes.objects("events", **select), "the record of its end")
    receipt = json.loads(event["metadata"]["annotations"]["k8sdataservice.flyte.org/receipt"])
    ended = datetime.fromisoformat(receipt["endedAt"])
    seconds = sum(int((ended - each).total_seconds()) for each in started)
    assert receipt["usedBy"][0]["run"] == run.name
    # The time of the end is written to the second.
    assert receipt["pods"] == 2 and abs(receipt["podSeconds"] - seconds) <= 2, receipt
    assert receipt["requestSeconds"]["cpu"] == pytest.approx(receipt["podSeconds"] * 0.1)
    assert receipt["requestSeconds"]["memory"] == pytest.approx(receipt["podSeconds"] * (16 << 20))


def test_runs_that_have_ended_do_not_pile_up_on_a_service_that_persists(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    ended, live = begin(kubernetes), begin(kubernetes)
    wanted = config("foo", Replicas=0)
    connector.create(wanted, ended.execution)
    connector.create(wanted, live.execution)
    there = kubernetes.get("statefulset", "foo")
    assert there
    [value] = [value for value in there["metadata"]["annotations"].values() if f'"{ended.execution.name}"' in value]
    keys = {str(number): hashlib.sha256(str(number).encode()).hexdigest()[:10] for number in range(60)}
    many = {HOLDER + key: json.dumps(json.loads(value) | {"owner": owner}) for owner, key in keys.items()}
    kubernetes.run("annotate", "statefulset", "foo", *(f"{key}={value}" for key, value in many.items()))
    ended.end(SUCCEEDED)
    wait_until(lambda: len(holders(kubernetes, "foo")) < 60, "those that have ended to be removed", 90)
    assert live.execution.name in holders(kubernetes, "foo")


def test_a_service_with_a_name_persists(connector: Connector, kubernetes: Kubernetes) -> None:
    run = begin(kubernetes)
    connector.create(config("foo", Replicas=0), run.execution)
    run.end(SUCCEEDED)
    stays(kubernetes, "foo")


def test_a_service_that_two_runs_share_ends_with_the_last(connector: Connector, kubernetes: Kubernetes) -> None:
    first, second = begin(kubernetes), begin(kubernetes)
    wanted = config("foo", Replicas=0, Lifetime="run")
    connector.create(wanted, first.execution)
    connector.create(wanted, second.execution)
    assert holders(kubernetes, "foo") == sorted([first.execution.name, second.execution.name])
    first.end(SUCCEEDED)
    stays(kubernetes, "foo")
    second.abort()
    until_gone(kubernetes)


def test_an_abort_leaves_a_service_that_another_run_uses(connector: Connector, kubernetes: Kubernetes) -> None:
    maker, user = begin(kubernetes), begin(kubernetes)
    wanted = config("foo", Replicas=0, Lifetime="run")
    made = connector.create(wanted, maker.execution)
    connector.create(wanted, user.execution)
    connector.delete(made)
    assert holders(kubernetes, "foo") == [user.execution.name]
    maker.abort()
    stays(kubernetes, "foo")
    user.end(SUCCEEDED)
    until_gone(kubernetes)


def test_the_abort_of_the_last_run_deletes_at_once(connector: Connector, kubernetes: Kubernetes) -> None:
    maker, user = begin(kubernetes), begin(kubernetes)
    wanted = config("foo", Replicas=0, Lifetime="run")
    connector.create(wanted, maker.execution)
    used = connector.create(wanted, user.execution)
    maker.end(SUCCEEDED)
    connector.delete(used)
    assert is_gone(kubernetes)


def test_a_service_that_is_attached_to_is_held(connector: Connector, kubernetes: Kubernetes) -> None:
    maker, user = begin(kubernetes), begin(kubernetes)
    connector.create(config("foo", Replicas=0, Lifetime="run"), maker.execution)
    connector.create({"ExistingReleaseName": "foo"}, user.execution)
    maker.end(SUCCEEDED)
    stays(kubernetes, "foo")
    user.end(FAILED)
    until_gone(kubernetes)


@pytest.mark.parametrize(("lifetime", "is_kept"), [("run", True), ("execution", False)])
def test_a_child_execution_creates_a_service_for_its_parent(
    connector: Connector, kubernetes: Kubernetes, lifetime: str, is_kept: bool
) -> None:
    parent = begin(kubernetes)
    child = begin(kubernetes, Execution(namespace=kubernetes.namespace, root=parent.execution.name))
    connector.create(config("foo", Replicas=0, Lifetime=lifetime), child.execution)
    child.end(SUCCEEDED)
    if is_kept:
        stays(kubernetes, "foo")
        parent.end(SUCCEEDED)
    until_gone(kubernetes)


def test_a_service_stays_for_a_while_after_a_failure(connector: Connector, kubernetes: Kubernetes) -> None:
    run = begin(kubernetes)
    lifetime = {"bound": "run", "after": {"failed": "8s"}}
    connector.create(config("foo", Replicas=0, Lifetime=lifetime), run.execution)
    run.end(FAILED)
    stays(kubernetes, "foo")
    until_gone(kubernetes)


def test_a_run_that_joins_takes_back_that_nobody_uses_a_service(connector: Connector, kubernetes: Kubernetes) -> None:
    first, second = begin(kubernetes), begin(kubernetes)
    wanted = config("foo", Replicas=0, Lifetime={"bound": "run", "grace": "5s"})
    connector.create(wanted, first.execution)
    first.end(SUCCEEDED)
    unused = "k8sdataservice.flyte.org/unused-since"

    def annotations() -> dict[str, str]:
        there = kubernetes.get("statefulset", "foo")
        assert there
        return dict(there["metadata"]["annotations"])

    wait_until(lambda: unused in annotations(), "the service to be marked")
    connector.create(wanted, second.execution)
    assert unused not in annotations()
    stays(kubernetes, "foo")


def test_a_ttl_ends_a_service_that_is_used(connector: Connector, kubernetes: Kubernetes) -> None:
    run = begin(kubernetes)
    connector.create(config("foo", Replicas=0, Lifetime={"bound": "run", "ttl": "3s"}), run.execution)
    until_gone(kubernetes)


def test_a_run_that_was_never_seen_ends_nothing(connector: Connector, kubernetes: Kubernetes) -> None:
    unseen = Execution(namespace=kubernetes.namespace)
    name = name_of(connector.create(config(None, Replicas=0), unseen))
    assert holders(kubernetes, name) == []
    stays(kubernetes, name)


def test_the_sensor_leaves_a_service_to_the_last_of_its_runs(connector: Connector, kubernetes: Kubernetes) -> None:
    own, other = begin(kubernetes), begin(kubernetes)
    wanted = config("foo", Replicas=0)
    connector.create(wanted, own.execution)
    connector.create(wanted, other.execution)
    polled = Sensor(connector, sensor(namespace=kubernetes.namespace), release_name="foo", cleanup_data_service=True)
    assert polled.poll() == TaskExecution.SUCCEEDED
    assert kubernetes.get("statefulset", "foo")
    assert f"is still used by {', '.join(sorted([own.name, other.name]))}" in connector.log.read_text()
    own.end(SUCCEEDED)
    stays(kubernetes, "foo")
    # It has a name, and would persist, had the sensor not asked.
    other.end(SUCCEEDED)
    until_gone(kubernetes)


def test_the_sensor_deletes_a_service_of_one_run(connector: Connector, kubernetes: Kubernetes) -> None:
    earlier, own = begin(kubernetes), begin(kubernetes)
    wanted = config("foo", Replicas=0)
    connector.create(wanted, earlier.execution)
    connector.create(wanted, own.execution)
    earlier.end(SUCCEEDED)
    polled = Sensor(connector, sensor(namespace=kubernetes.namespace), release_name="foo", cleanup_data_service=True)
    assert polled.poll() == TaskExecution.SUCCEEDED
    assert is_gone(kubernetes)


def test_an_update_keeps_the_holders(
    connector: Connector, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A person, whose permissions are others than the connector's.
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    run = begin(kubernetes)
    wanted = config("foo", Replicas=0, Lifetime="run")
    connector.create(wanted, run.execution)
    execution = Named("flytesnacks", "development", run.execution.name, "n0")
    updated = Client().update_sync(
        wanted | {"MinReadySeconds": 1, "Namespace": kubernetes.namespace},
        namespace=kubernetes.namespace,
        owner="another node",
        execution=execution,
    )
    assert updated.changes
    assert holders(kubernetes, "foo") == [run.execution.name]
    # A plan leaves them out.
    plan = Client().plan_sync(
        wanted | {"MinReadySeconds": 1, "Namespace": kubernetes.namespace},
        namespace=kubernetes.namespace,
        owner="another node",
        execution=execution,
    )
    assert plan.ok and plan.action == "shared", plan
    assert "holder" not in " ".join(plan.notes).lower(), plan
    run.end(SUCCEEDED)
    until_gone(kubernetes)


def reap(kubernetes: Kubernetes, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("dataservice")), "reap", *options]
    variables = environment(kubernetes.kubeconfig, kubernetes.namespace)
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_reaps_while_no_connector_runs(own_connector: Connector, kubernetes: Kubernetes) -> None:
    ended, live = begin(kubernetes), begin(kubernetes)
    for name, run in [("ended", ended), ("live", live)]:
        own_connector.create(config(name, Replicas=0, Lifetime="run"), run.execution)
    own_connector.create(config("persists", Replicas=0), ended.execution)
    own_connector.stop()
    ended.abort()
    done = reap(kubernetes, "--dry-run")
    namespace = kubernetes.namespace
    assert done.stdout.splitlines() == [
        f"{namespace}/ended would be deleted: its last run was aborted, or is gone",
        f"{namespace}/live stays: it is used by {live.name}",
    ], done.stderr
    assert kubernetes.names("statefulsets") == ["ended", "live", "persists"]
    done = reap(kubernetes)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"{namespace}/ended deleted: its last run was aborted, or is gone"
    wait_until(lambda: kubernetes.names("statefulsets") == ["live", "persists"], "the other services to be left")
    assert kubernetes.names("services") == ["live", "persists"]


def test_an_unknown_run_ends_nothing(own_connector: Connector, kubernetes: Kubernetes) -> None:
    run = begin(kubernetes)
    own_connector.create(config("foo", Replicas=0, Lifetime="run"), run.execution)
    own_connector.stop()
    there = kubernetes.get("statefulset", "foo")
    assert there
    key = next(key for key in there["metadata"]["annotations"] if key.startswith(HOLDER))
    holder: dict[str, Any] = json.loads(there["metadata"]["annotations"][key])
    # As a later version may write it.
    later = json.dumps(holder | {"kind": "LaterRun"})
    kubernetes.run("annotate", "statefulset", "foo", "--overwrite", f"{key}={later}")
    run.abort()
    done = reap(kubernetes)
    assert (
        "stays: whether a run uses it is unknown: this version does not know runs of the kind LaterRun" in done.stdout
    )
    assert kubernetes.get("statefulset", "foo")


def test_a_run_of_the_same_name_is_another_one(own_connector: Connector, kubernetes: Kubernetes) -> None:
    run = begin(kubernetes)
    own_connector.create(config("foo", Replicas=0, Lifetime="run"), run.execution)
    own_connector.stop()
    run.abort()
    begin(kubernetes, replace(run.execution))
    assert f"{kubernetes.namespace}/foo deleted" in reap(kubernetes).stdout
