"""Services that are stuck are polled from memory, whatever else goes on in their namespace."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from k8sdataservice._core import Client

from cluster.support.account import ROLE
from cluster.support.configs import config
from cluster.support.faults.api_server import ApiServer
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.objects import use_up
from cluster.support.requests import being_deleted, requests_counted
from cluster.support.verdicts import shell

#: How many services a quota holds, how many events others have caused, and how many polls are under way at once.
HELD, FOREIGN, AT_ONCE = 20, 2000, 32

#: The reads of a poll; nobody else sends them while nothing changes.
READS = [
    ("GET", "statefulsets"),
    ("LIST", "statefulsets"),
    ("LIST", "pods"),
    ("LIST", "endpointslices"),
    ("LIST", "events"),
    ("GET", "pods/log"),
]


def add_events(kubernetes: Kubernetes, server: ApiServer, count: int) -> None:
    """Fills the namespace with events on pods of somebody else, as an hour of ordinary work does."""

    def post(number: int) -> None:
        server.post(
            f"/api/v1/namespaces/{kubernetes.namespace}/events",
            {
                "metadata": {"name": f"foreign-{number}"},
                "involvedObject": {"kind": "Pod", "namespace": kubernetes.namespace, "name": f"foreign-{number}"},
                "reason": "BackOff",
                "message": "Back-off restarting failed container",
                "type": "Warning",
                "firstTimestamp": "2026-01-01T00:00:00Z",
                "lastTimestamp": "2026-01-01T00:00:01Z",
            },
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post, range(count)))


@dataclass
class Stuck:
    """Services that do not come up, with the reason of each."""

    kubernetes: Kubernetes
    client: Client
    reasons: dict[str, str]

    def make(self, name: str, reason: str, **fields: Any) -> None:
        """Creates a service that will not come up for this reason."""
        self.reasons[name] = reason
        namespace = self.kubernetes.namespace
        self.client.create_sync(config(name, **fields), namespace=namespace, owner=name, execution="a test")

    def reason(self, name: str) -> str:
        """Polls as the connector does, and returns the reason."""
        service = {"name": name, "namespace": self.kubernetes.namespace}
        return (self.client.get_known(**service) or self.client.get_sync(**service)).reason

    def until_known(self) -> None:
        """Waits until every service's reason is known."""
        for name, reason in self.reasons.items():
            wait_until(partial(lambda name, reason: self.reason(name) == reason, name, reason), reason)

    def cost(self, times: int) -> dict[tuple[str, str], int]:
        """Polls all of them, many at once, and returns what the API server has counted meanwhile."""
        wait_until(lambda: not being_deleted(self.kubernetes), "the namespaces of earlier tests to be gone")
        before = requests_counted(self.kubernetes)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            reasons = list(pool.map(self.reason, list(self.reasons) * times))
        after = requests_counted(self.kubernetes)
        assert reasons == list(self.reasons.values()) * times
        return {key: after[key] - before[key] for key in READS}


@pytest.fixture
def stuck(kubernetes: Kubernetes, here: None) -> Stuck:
    """Returns no service yet. A crash loop is one that goes on, however long the test takes."""
    return Stuck(kubernetes, Client(timeout=10.0, platform={"gracePeriods": {"ContainerExits": 3600}}), {})


@pytest.mark.serial  # The API server counts everybody's requests.
def test_polls_of_services_that_a_quota_holds_cost_the_api_server_nothing(
    stuck: Stuck, kubernetes: Kubernetes, tmp_path: Path
) -> None:
    add_events(kubernetes, ApiServer(kubernetes, tmp_path), FOREIGN)
    use_up(kubernetes, "pods")
    for number in range(HELD):
        stuck.make(f"held{number}", "QuotaExceeded")
    stuck.until_known()
    assert stuck.cost(times=25) == dict.fromkeys(READS, 0)
    # A change is reported without a request, too.
    kubernetes.run("scale", "statefulset", "held0", "--replicas", "0")
    wait_until(lambda: stuck.reason("held0") == "Ready", "the change")


@pytest.mark.serial
@pytest.mark.usefixtures("real_pods", "local_registry")
def test_polls_of_services_that_do_not_start_cost_the_api_server_nothing(
    stuck: Stuck, kubernetes: Kubernetes, tmp_path: Path
) -> None:
    add_events(kubernetes, ApiServer(kubernetes, tmp_path), FOREIGN)
    stuck.make("pull", "ImagePullThrottled", Image="registry.example/throttled:1")
    stuck.make("crash", "ContainerExits", **shell("echo the reason; exit 3"))
    stuck.make("room", "InsufficientCpu", Requests={"cpu": "1000000"}, Limits=None)
    stuck.until_known()
    wait_until(lambda: is_waiting(kubernetes, "crash-0"), "the container to be left alone for a while")
    stuck.until_known()
    assert stuck.cost(times=50) == dict.fromkeys(READS, 0)


@pytest.mark.serial
def test_without_the_permission_to_watch_events_they_are_listed_now_and_then_for_all(
    stuck: Stuck, kubernetes: Kubernetes, tmp_path: Path
) -> None:
    role: Object = next(yaml.safe_load_all(ROLE.read_text()))
    for rule in role["rules"]:
        if "events" in rule["resources"]:
            rule["verbs"] = ["list"]
    kubernetes.run("apply", "--filename", "-", input=json.dumps(role))
    add_events(kubernetes, ApiServer(kubernetes, tmp_path), 200)
    use_up(kubernetes, "pods")
    for number in range(HELD):
        stuck.make(f"held{number}", "QuotaExceeded")
    stuck.until_known()
    began = time.monotonic()
    cost = stuck.cost(times=25)
    # One list for everybody, in chunks of 100, every ten seconds at most.
    lists = 1 + (time.monotonic() - began) // 10
    assert cost.pop(("LIST", "events")) <= 4 * lists
    assert not any(cost.values()), cost


def is_waiting(kubernetes: Kubernetes, pod: str) -> bool:
    found = kubernetes.get("pod", pod)
    states = found["status"].get("containerStatuses", []) if found else []
    return any(state["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff" for state in states)


def restarts(kubernetes: Kubernetes, pod: str) -> int:
    found = kubernetes.get("pod", pod)
    assert found
    return sum(status["restartCount"] for status in found["status"]["containerStatuses"])


@pytest.mark.serial
@pytest.mark.usefixtures("real_pods", "here")
def test_a_log_is_read_once_however_often_a_failure_is_asked_about(kubernetes: Kubernetes) -> None:
    client = Client(timeout=10.0, platform={"gracePeriods": {"ContainerExits": 0}})
    stuck = Stuck(kubernetes, client, {})
    stuck.make("crash", "ContainerExits", **shell("echo the reason; exit 3"))

    def has_lines(_: int = 0) -> bool:
        service = {"name": "crash", "namespace": kubernetes.namespace}
        status = client.get_known(**service) or client.get_sync(**service)
        return status.phase == "Failed" and "the reason" in status.message

    wait_until(has_lines, "the failure with the log")
    wait_until(lambda: is_waiting(kubernetes, "crash-0"), "the container to be left alone for a while")
    wait_until(has_lines, "the failure with the log")
    wait_until(lambda: not being_deleted(kubernetes), "the namespaces of earlier tests to be gone")
    before, restarts_before = requests_counted(kubernetes), restarts(kubernetes, "crash-0")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(has_lines, range(200)))
    # A container that has just started again has not failed for that moment.
    wait_until(has_lines, "the failure with the log")
    after, restarts_after = requests_counted(kubernetes), restarts(kubernetes, "crash-0")
    # Each end of the container has a log of its own, and one may be under way.
    ends = restarts_after - restarts_before + 1
    assert after["GET", "pods/log"] - before["GET", "pods/log"] <= ends
