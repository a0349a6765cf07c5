"""Services that end with a run of Flyte 2, whose root action is a TaskAction: a real API server, and a played Flyte.

What Flyte writes on the root action at the end of a run was measured on a real Flyte 2.0.43.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from k8sdataservice._core import Client, Created, Execution

from cluster.support.account import ACCOUNT
from cluster.support.api import path
from cluster.support.configs import config
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import nothing, one
from cluster.support.runs import define, definition

ROLE = Path(__file__).parents[2] / "examples" / "rbac-lifetime-flyte2.yaml"
ROOT = "r1-a0"
SERVICE = config("foo", Replicas=0, Lifetime="run")

#: For how long a service is looked at that must not go, in seconds: a connector looks every 5.
STAYS = 7.0


@pytest.fixture
def run(kubernetes: Kubernetes, here: None) -> Iterator[Kubernetes]:
    """Returns the namespace of a run that goes on; the test's own process has the documented permissions."""
    define(kubernetes, definition("flyte.org", "v1", "TaskAction"))
    role, binding = yaml.safe_load_all(ROLE.read_text())
    binding["subjects"] = [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": kubernetes.namespace}]
    kubernetes.apply(role, binding)
    labels = {"flyte.org/run": "r1", "flyte.org/action": "a0", "flyte.org/is-root": "true"}
    kubernetes.apply(
        {
            "apiVersion": "flyte.org/v1",
            "kind": "TaskAction",
            "metadata": {"name": ROOT, "labels": labels, "finalizers": ["flyte.org/plugin"]},
            "spec": {},
        }
    )
    yield kubernetes
    collect(kubernetes)


def collect(kubernetes: Kubernetes) -> None:
    """Lets the API server remove the action once it is deleted, as Flyte does when all deletes were answered."""
    if kubernetes.get("taskaction", ROOT):
        kubernetes.merge("taskaction", ROOT, {"metadata": {"finalizers": None}})


def terminate(kubernetes: Kubernetes, condition: str) -> None:
    """Ends the run as Flyte does, with this condition."""
    labels = {"flyte.org/termination-status": "terminated"}
    status = {"conditions": [{"type": condition, "status": "True"}]}
    kubernetes.merge("taskaction", ROOT, {"metadata": {"labels": labels}, "status": status})


def succeed(kubernetes: Kubernetes) -> None:
    """Ends the run with success."""
    terminate(kubernetes, "Succeeded")


def fail(kubernetes: Kubernetes) -> None:
    """Ends the run with a failure."""
    terminate(kubernetes, "Failed")


def abort(kubernetes: Kubernetes) -> None:
    """Aborts the run: its root action is deleted, and stays until its finalizer is removed."""
    kubernetes.request("DELETE", path("taskaction", kubernetes.namespace, ROOT))


def vanish(kubernetes: Kubernetes) -> None:
    """Removes the root action, as Flyte does for an aborted run, and an hour after the end of any other."""
    abort(kubernetes)
    collect(kubernetes)


def create(kubernetes: Kubernetes, client: Client) -> Created:
    execution = Execution("p", "d", "r1", "a1", namespace=kubernetes.namespace, action=ROOT)
    return client.create_sync(SERVICE, owner="o" * 32, execution=execution, namespace=kubernetes.namespace)


@pytest.mark.parametrize("end", [succeed, fail, abort, vanish])
def test_a_service_ends_with_its_run_however_that_ends(run: Kubernetes, end: Callable[[Kubernetes], None]) -> None:
    client = Client()
    create(run, client)
    time.sleep(STAYS)
    assert run.services() == one("foo")
    end(run)
    wait_until(lambda: run.services() == nothing(), "the service to be gone", 20)


@pytest.mark.parametrize(("end", "reason"), [(succeed, "succeeded"), (fail, "failed"), (abort, "aborted")])
def test_how_the_run_has_ended_is_known(run: Kubernetes, end: Callable[[Kubernetes], None], reason: str) -> None:
    client = Client()
    create(run, client)
    end(run)
    wait_until(lambda: run.services() == nothing(), "the service to be gone", 20)

    def ended() -> list[str]:
        return [event["message"] for event in run.objects("events") if event["reason"] == "DataServiceEnded"]

    [message] = wait_until(ended, "the Event")
    assert reason in message


@pytest.mark.parametrize("missing", ["list", "watch"])
def test_without_a_watch_over_actions_a_service_stays_until_it_is_looked_at(run: Kubernetes, missing: str) -> None:
    role, _ = yaml.safe_load_all(ROLE.read_text())
    [rule] = role["rules"]
    rule["verbs"] = [verb for verb in rule["verbs"] if verb != missing]
    run.apply(role)
    client = Client()
    create(run, client)
    # The first look is at once, and finds that the run goes on.
    time.sleep(STAYS)
    succeed(run)
    time.sleep(STAYS)
    assert run.services() == one("foo"), "nobody has watched the run"
    assert client.reap_sync(namespace=run.namespace).services[0].deleted
    wait_until(lambda: run.services() == nothing(), "the service to be gone", 20)


def test_an_action_that_cannot_be_read_ends_nothing(run: Kubernetes) -> None:
    role, _ = yaml.safe_load_all(ROLE.read_text())
    client = Client()
    create(run, client)
    [rule] = role["rules"]
    rule["verbs"] = [verb for verb in rule["verbs"] if verb != "get"]
    run.apply(role)
    succeed(run)
    time.sleep(STAYS)
    [reaped] = client.reap_sync(namespace=run.namespace).services
    assert not reaped.deleted and "taskactions" in reaped.reason, reaped.reason
    assert run.services() == one("foo")


def test_an_action_that_is_not_seen_holds_nothing(run: Kubernetes) -> None:
    run.request(
        "DELETE", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{run.namespace}/rolebindings/k8sdataservice-actions"
    )
    client = Client()
    created = create(run, client)
    assert created.warning and "taskactions" in created.warning and ROLE.name in created.warning, created.warning
    vanish(run)
    time.sleep(STAYS)
    assert run.services() == one("foo")
