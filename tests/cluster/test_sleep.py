"""Services that sleep: scaled to zero with their claims kept, until somebody wakes them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flyteidl.core.execution_pb2 import TaskExecution
from k8sdataservice._core import Client
from k8sdataservice.exceptions import ConflictError, NotFoundError, NotOwnedError

from cluster.support.account import give_role
from cluster.support.configs import STAND, config
from cluster.support.connector import Connector, Execution, environment
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.objects import foreign_stateful_set
from cluster.support.runs import SUCCEEDED, begin
from cluster.support.shared import Connectors

ASLEEP = "k8sdataservice.flyte.org/asleep"

UNUSED = "k8sdataservice.flyte.org/unused-since"

HOLDER = "holder.k8sdataservice.flyte.org/"

CLAIMS = [{"name": "data", "mountPath": "/data", "size": "1Mi"}]


@pytest.fixture
def connector(connectors_that_see_runs: Connectors, kubernetes: Kubernetes) -> Connector:
    """Returns a connector that watches runs, and that other tests use too."""
    give_role(kubernetes, beside=connectors_that_see_runs.namespace)
    return connectors_that_see_runs.get().in_namespace(kubernetes.namespace)


@pytest.fixture
def client(kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Returns the client of a person who may do everything."""
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    return Client(timeout=15)


def service(**fields: Any) -> Object:
    return config("foo", Command=["sh", "-c", STAND], MinReadySeconds=0, **fields)


def create(client: Client, kubernetes: Kubernetes, wanted: Object, owner: str = "me") -> None:
    client.create_sync(wanted, namespace=kubernetes.namespace, owner=owner, execution="a test")


def stateful_set(kubernetes: Kubernetes) -> Object:
    there = kubernetes.get("statefulset", "foo")
    assert there
    return there


def notes(kubernetes: Kubernetes) -> dict[str, str]:
    return dict(stateful_set(kubernetes)["metadata"].get("annotations", {}))


def revisions(kubernetes: Kubernetes) -> str:
    return kubernetes.run("get", "controllerrevisions", "--output", "name")


def replicas(kubernetes: Kubernetes) -> int:
    return int(stateful_set(kubernetes)["spec"]["replicas"])


def phase(client: Client, kubernetes: Kubernetes) -> tuple[str, str]:
    status = client.get_sync("foo", namespace=kubernetes.namespace)
    return status.phase, status.reason


def until_ready(client: Client, kubernetes: Kubernetes) -> None:
    assert client.wait_sync("foo", namespace=kubernetes.namespace, timeout=120).phase == "Ready"


def put_to_sleep(client: Client, kubernetes: Kubernetes, force: bool = False) -> None:
    slept = client.sleep_sync("foo", namespace=kubernetes.namespace, force=force)
    assert slept.changed, slept.message


def command(kubernetes: Kubernetes, *arguments: str) -> subprocess.CompletedProcess[str]:
    call = [str(Path(sys.executable).with_name("dataservice")), *arguments]
    variables = environment(kubernetes.kubeconfig, kubernetes.namespace)
    return subprocess.run(call, env=variables, capture_output=True, text=True, timeout=150, check=False)


@pytest.mark.usefixtures("real_pods")
def test_a_service_that_slept_finds_its_data_and_has_no_new_revision(client: Client, kubernetes: Kubernetes) -> None:
    create(client, kubernetes, service(Replicas=2, VolumeClaimTemplates=CLAIMS))
    until_ready(client, kubernetes)
    kubernetes.run("exec", "foo-1", "--", "sh", "-c", "echo kept > /data/note")
    before, earlier = stateful_set(kubernetes), revisions(kubernetes)
    done = command(kubernetes, "sleep", "foo")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Data service foo is asleep. Its 2 replicas are scaled to 0 until")
    asleep = stateful_set(kubernetes)
    note = json.loads(asleep["metadata"]["annotations"][ASLEEP])
    assert note["replicas"] == 2
    assert asleep["spec"]["replicas"] == 0
    assert asleep["spec"]["template"] == before["spec"]["template"]
    wait_until(lambda: kubernetes.names("pods") == [], "the pods to end")
    assert sorted(kubernetes.names("persistentvolumeclaims")) == ["data-foo-0", "data-foo-1"]
    status = client.get_sync("foo", namespace=kubernetes.namespace)
    assert (status.phase, status.reason, status.wanted) == ("Asleep", "Asleep", 0)
    assert status.message == (
        f"Data service foo has been asleep since {note['since']}: its 2 replicas are scaled to 0, and its claims are "
        "kept. Run `dataservice wake foo`, or a task that uses it, to wake it."
    )
    assert command(kubernetes, "sleep", "foo").stdout.startswith("Data service foo is asleep already, since ")
    done = command(kubernetes, "wake", "foo")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Data service foo is awake: it has 2 replicas again.",
        "StatefulSet foo is ready with 2 pods.",
    ]
    assert kubernetes.run("exec", "foo-1", "--", "cat", "/data/note") == "kept\n"
    after = stateful_set(kubernetes)
    assert ASLEEP not in after["metadata"]["annotations"]
    assert after["status"]["updateRevision"] == before["status"]["updateRevision"]
    assert revisions(kubernetes) == earlier
    assert command(kubernetes, "wake", "foo", "--wait", "0").stdout == "Data service foo is awake already.\n"


def test_a_service_whose_claims_would_be_deleted_stays_awake(client: Client, kubernetes: Kubernetes) -> None:
    retention = {"whenScaled": "Delete"}
    wanted = service(VolumeClaimTemplates=CLAIMS, PersistentVolumeClaimRetentionPolicy=retention)
    create(client, kubernetes, wanted)
    with pytest.raises(ConflictError) as refused:
        client.sleep_sync("foo", namespace=kubernetes.namespace)
    assert "PersistentVolumeClaimRetentionPolicy.whenScaled is Delete" in str(refused.value)
    assert "Set it to Retain with an update" in str(refused.value)
    assert refused.value.reason == "ClaimsWouldBeDeleted"
    assert replicas(kubernetes) == 1


def test_only_a_service_of_ours_sleeps(client: Client, kubernetes: Kubernetes) -> None:
    with pytest.raises(NotFoundError):
        client.sleep_sync("foo", namespace=kubernetes.namespace)
    kubernetes.apply(foreign_stateful_set("foo"))
    before = stateful_set(kubernetes)["spec"]
    for call in (client.sleep_sync, client.wake_sync):
        with pytest.raises(NotOwnedError):
            call("foo", namespace=kubernetes.namespace)
    assert stateful_set(kubernetes)["spec"] == before


def test_a_service_that_runs_use_sleeps_only_by_force(
    client: Client, connector: Connector, kubernetes: Kubernetes
) -> None:
    run = begin(kubernetes)
    connector.create(service(), run.execution)
    refused = command(kubernetes, "sleep", "foo")
    assert refused.returncode == 1
    assert f"it is used by {run.name}." in " ".join(refused.stderr.split())
    assert replicas(kubernetes) == 1
    assert command(kubernetes, "sleep", "foo", "--force").returncode == 0
    assert replicas(kubernetes) == 0
    assert phase(client, kubernetes) == ("Asleep", "Asleep")


@pytest.mark.usefixtures("real_pods")
def test_a_create_of_the_same_service_wakes_it(client: Client, connector: Connector, kubernetes: Kubernetes) -> None:
    wanted = service(Replicas=2)
    create(client, kubernetes, wanted)
    put_to_sleep(client, kubernetes)
    run = begin(kubernetes)
    joined = connector.create(wanted, run.execution)
    assert replicas(kubernetes) == 2
    there = notes(kubernetes)
    assert ASLEEP not in there and any(key.startswith(HOLDER) for key in there)
    polled = connector.get(joined)
    assert polled.phase != TaskExecution.SUCCEEDED and "asleep" not in polled.message, polled.message
    assert connector.until_done(joined, timeout=120).phase == TaskExecution.SUCCEEDED


@pytest.mark.usefixtures("real_pods")
@pytest.mark.parametrize("is_seen", [True, False], ids=["seen", "unseen"])
def test_a_task_that_attaches_wakes_it(
    client: Client, connector: Connector, kubernetes: Kubernetes, is_seen: bool
) -> None:
    create(client, kubernetes, service())
    put_to_sleep(client, kubernetes)
    execution = begin(kubernetes).execution if is_seen else Execution(namespace=kubernetes.namespace)
    attached = connector.create({"ExistingReleaseName": "foo"}, execution)
    assert replicas(kubernetes) == 1
    polled = connector.get(attached)
    assert polled.phase != TaskExecution.SUCCEEDED and "asleep" not in polled.message, polled.message
    assert connector.until_done(attached, timeout=120).phase == TaskExecution.SUCCEEDED


def test_a_task_that_polls_a_sleeping_service_waits(
    client: Client, connector: Connector, kubernetes: Kubernetes
) -> None:
    made = connector.create(service(), Execution(namespace=kubernetes.namespace))
    connector.get(made)
    put_to_sleep(client, kubernetes, force=True)

    def sleeps() -> bool:
        polled = connector.get(made)
        assert polled.phase not in (TaskExecution.SUCCEEDED, TaskExecution.FAILED), polled.message
        is_queued = bool(polled.phase == TaskExecution.QUEUED)
        return is_queued and polled.message.startswith("Data service foo has been asleep since ")

    wait_until(sleeps, "the poll to report that the service sleeps", 10)


def test_a_service_with_replicas_is_awake(client: Client, kubernetes: Kubernetes) -> None:
    create(client, kubernetes, service())
    put_to_sleep(client, kubernetes)
    assert phase(client, kubernetes) == ("Asleep", "Asleep")
    kubernetes.run("scale", "statefulset", "foo", "--replicas", "1")
    wait_until(lambda: phase(client, kubernetes)[0] != "Asleep", "the service to be reported awake")
    assert client.wake_sync("foo", namespace=kubernetes.namespace).message == "Data service foo is awake already."
    put_to_sleep(client, kubernetes)


def test_an_update_of_a_sleeping_service_keeps_it_asleep_unless_replicas_change(
    client: Client, kubernetes: Kubernetes
) -> None:
    def update(**fields: Any) -> Any:
        wanted = service(**fields)
        return client.update_sync(wanted, namespace=kubernetes.namespace, owner="me", execution="a test")

    def plan(**fields: Any) -> Any:
        return client.plan_sync(service(**fields), namespace=kubernetes.namespace, owner="me", execution="a test")

    create(client, kubernetes, service(Replicas=2))
    put_to_sleep(client, kubernetes)
    planned = plan(Replicas=2)
    assert planned.action == "unchanged"
    assert planned.running[0] == planned.objects[0]
    assert any("a create wakes it with Replicas 2" in note for note in planned.notes)
    assert not any("an update" in note for note in planned.notes), planned.notes
    note = notes(kubernetes)[ASLEEP]
    updated = update(Replicas=2)
    assert (updated.changes, replicas(kubernetes)) == ([], 0)
    updated = update(Replicas=2, Env={"MODE": "fast"})
    assert updated.changes == ["Env.MODE is new"]
    assert updated.message.endswith("It stays asleep; `dataservice wake foo` wakes it.")
    assert (notes(kubernetes)[ASLEEP], replicas(kubernetes)) == (note, 0)
    assert phase(client, kubernetes) == ("Asleep", "Asleep")
    updated = update(Replicas=3, Env={"MODE": "fast"})
    assert updated.changes == ["Replicas 2 -> 3"]
    assert (ASLEEP in notes(kubernetes), replicas(kubernetes)) == (False, 3)
    put_to_sleep(client, kubernetes)
    assert client.wake_sync("foo", namespace=kubernetes.namespace).replicas == 3


def test_another_configuration_is_refused_for_what_differs_and_not_for_the_sleep(
    client: Client, kubernetes: Kubernetes
) -> None:
    create(client, kubernetes, service(Replicas=2))
    put_to_sleep(client, kubernetes)
    with pytest.raises(ConflictError) as refused:
        create(client, kubernetes, service(Replicas=2, Port=50000), owner="another")
    assert "Port" in str(refused.value) and "Replicas" not in str(refused.value)
    assert replicas(kubernetes) == 0


@pytest.mark.parametrize("then", ["Sleep", "Delete"])
def test_a_service_that_no_run_uses_is_idle(
    client: Client, connector: Connector, kubernetes: Kubernetes, then: str
) -> None:
    run = begin(kubernetes)
    connector.create(service(Lifetime={"idle": {"after": "1m", "then": then}}), run.execution)
    run.end(SUCCEEDED)
    wait_until(lambda: UNUSED in notes(kubernetes), "the service to be marked", 20)
    assert "no run uses it, and it" in command(kubernetes, "reap", "--dry-run").stdout
    marked = json.loads(notes(kubernetes)[UNUSED])
    long_ago = json.dumps(marked | {"at": "2026-01-01T00:00:00Z"})
    # Whether the connector or the command sees that first is no matter.
    kubernetes.run("annotate", "statefulset", "foo", "--overwrite", f"{UNUSED}={long_ago}")
    done = command(kubernetes, "reap")
    assert done.returncode == 0, done.stderr
    if then == "Delete":
        wait_until(lambda: kubernetes.get("statefulset", "foo") is None, "the service to be deleted", 20)
        return
    wait_until(lambda: ASLEEP in notes(kubernetes), "the service to sleep", 20)
    assert phase(client, kubernetes) == ("Asleep", "Asleep")
    assert "stays: it sleeps, since no run has used it for 1m" in command(kubernetes, "reap").stdout
    # Somebody who wakes it uses it: its time begins again.
    assert client.wake_sync("foo", namespace=kubernetes.namespace).changed
    wait_until(lambda: notes(kubernetes).get(UNUSED, long_ago) != long_ago, "another mark", 20)
    assert replicas(kubernetes) == 1


def test_the_reaper_puts_an_idle_service_to_sleep(client: Client, kubernetes: Kubernetes, connector: Connector) -> None:
    run = begin(kubernetes)
    wanted = service(Lifetime={"bound": "run", "idle": {"after": "1m", "then": "Sleep"}})
    connector.create(wanted, run.execution)
    run.end(SUCCEEDED)
    wait_until(lambda: UNUSED in notes(kubernetes), "the service to be marked", 20)
    long_ago = json.dumps({"at": "2026-01-01T00:00:00Z", "outcome": "succeeded"})
    kubernetes.run("annotate", "statefulset", "foo", "--overwrite", f"{UNUSED}={long_ago}")
    wait_until(lambda: ASLEEP in notes(kubernetes), "the service to sleep", 20)
    assert phase(client, kubernetes) == ("Asleep", "Asleep")
    again = begin(kubernetes)
    connector.create(wanted, again.execution)
    there = notes(kubernetes)
    assert ASLEEP not in there and UNUSED not in there
    assert replicas(kubernetes) == 1
