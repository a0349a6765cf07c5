"""Services that are stuck are polled from memory, whatever else goes on in their namespace."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from flyteidl.core.execution_pb2 import TaskExecution
from flytekitplugins_k8sdataservice._core import Client

from cluster.support.account import ROLE
from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.faults.api_server import ApiServer
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.objects import quota
from cluster.support.requests import being_deleted, requests_counted
from cluster.support.verdicts import reason_of, shell

#: How many services a quota holds, how many events others have caused, and how many polls are under way at once.
HELD, FOREIGN, AT_ONCE = 20, 2000, 32

#: What a poll would read; nobody else does while nothing changes.
READS = [
    ("GET", "statefulsets"),
    ("LIST", "statefulsets"),
    ("LIST", "pods"),
    ("LIST", "endpointslices"),
    ("LIST", "events"),
    ("GET", "pods/log"),
]

#: A crash loop is one that goes on, however long the test takes.
SETTINGS = "gracePeriods: {ContainerExits: 1h}\n"


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

    connector: Connector
    kubernetes: Kubernetes
    reasons: dict[bytes, str]

    def poll(self, times: int) -> None:
        """Polls all of them, many at once, and checks that each answer has its reason."""

        def poll(resource_meta: bytes) -> None:
            assert reason_of(self.connector.get(resource_meta)) == self.reasons[resource_meta]

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(poll, list(self.reasons) * times))

    def until_known(self) -> None:
        """Waits until every service's reason is known."""

        def is_known(resource_meta: bytes) -> bool:
            return reason_of(self.connector.get(resource_meta)) == self.reasons[resource_meta]

        for resource_meta in self.reasons:
            wait_until(lambda each=resource_meta: is_known(each), self.reasons[resource_meta])  # type: ignore[misc]

    def cost(self, times: int) -> dict[tuple[str, str], float]:
        """Returns what the API server has counted while they were polled."""
        wait_until(lambda: not being_deleted(self.kubernetes), "the namespaces of earlier tests to be gone")
        before = requests_counted(self.kubernetes)
        self.poll(times)
        after = requests_counted(self.kubernetes)
        return {key: after.get(key, 0) - before.get(key, 0) for key in READS}


def held_by_quota(connector: Connector, kubernetes: Kubernetes) -> Stuck:
    """Creates services whose pods a quota does not allow."""
    kubernetes.apply(quota("pods"))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(connector.create, [config(f"held{number}") for number in range(HELD)]))
    return Stuck(connector, kubernetes, dict.fromkeys(made, "QuotaExceeded"))


@pytest.mark.serial  # The API server counts everybody's requests.
def test_polls_of_services_that_a_quota_holds_cost_the_api_server_nothing(
    connector: Connector, kubernetes: Kubernetes, tmp_path: Path
) -> None:
    add_events(kubernetes, ApiServer(kubernetes, tmp_path), FOREIGN)
    stuck = held_by_quota(connector, kubernetes)
    stuck.until_known()
    assert stuck.cost(times=25) == dict.fromkeys(READS, 0)
    # What changes is reported without a request, too: a pod's name is told when it may be made.
    kubernetes.run("delete", "resourcequota", "--all")
    kubernetes.run("scale", "statefulset", "held0", "--replicas", "0")
    first = next(iter(stuck.reasons))
    wait_until(lambda: connector.get(first).phase == TaskExecution.SUCCEEDED, "the change")


@pytest.mark.serial
@pytest.mark.usefixtures("real_pods", "local_registry")
def test_polls_of_services_that_do_not_start_cost_the_api_server_nothing(
    with_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    add_events(kubernetes, ApiServer(kubernetes, tmp_path), FOREIGN)
    connector = with_connector(SETTINGS)
    pull = connector.create(config("pull", Image="registry.example/throttled:1"))
    crash = connector.create(config("crash", **shell("echo the reason; exit 3")))
    room = connector.create(config("room", Requests={"cpu": "1000000"}, Limits=None))
    stuck = Stuck(connector, kubernetes, {pull: "ImagePullThrottled", crash: "ContainerExits", room: "InsufficientCpu"})
    stuck.until_known()
    wait_until(lambda: is_waiting(kubernetes, "crash-0"), "the container to be left alone for a while")
    stuck.until_known()
    assert stuck.cost(times=50) == dict.fromkeys(READS, 0)


def is_waiting(kubernetes: Kubernetes, pod: str) -> bool:
    found = kubernetes.get("pod", pod)
    states = found["status"].get("containerStatuses", []) if found else []
    return any(state["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff" for state in states)


@pytest.mark.serial
def test_without_the_permission_to_watch_events_they_are_listed_now_and_then_for_all(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    role: Object = next(yaml.safe_load_all(ROLE.read_text()))
    for rule in role["rules"]:
        if "events" in rule["resources"]:
            rule["verbs"] = ["list"]
    connector = start_connector()
    kubernetes.run("apply", "--filename", "-", input=json.dumps(role))
    add_events(kubernetes, ApiServer(kubernetes, tmp_path), 200)
    stuck = held_by_quota(connector, kubernetes)
    stuck.until_known()
    cost = stuck.cost(times=25)
    # One list for everybody, in chunks of 100, not more often than every ten seconds.
    assert cost.pop(("LIST", "events")) <= 8
    assert not any(cost.values()), cost


@pytest.mark.serial
@pytest.mark.usefixtures("real_pods", "here")
def test_a_log_is_read_once_however_often_a_failure_is_asked_about(kubernetes: Kubernetes) -> None:
    client = Client(platform={"gracePeriods": {"ContainerExits": 0}})
    client.create_sync(
        config("crash", **shell("echo the reason; exit 3")),
        namespace=kubernetes.namespace,
        owner="a test",
        execution="a test",
    )

    def message() -> str:
        status = client.get_sync("crash", namespace=kubernetes.namespace)
        return status.message if status.phase == "Failed" else ""

    assert "the reason" in wait_until(message, "the failure")
    wait_until(lambda: is_waiting(kubernetes, "crash-0"), "the container to be left alone for a while")
    assert "the reason" in message()
    wait_until(lambda: not being_deleted(kubernetes), "the namespaces of earlier tests to be gone")
    before = requests_counted(kubernetes)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert all("the reason" in each for each in pool.map(lambda _: message(), range(100)))
    after = requests_counted(kubernetes)
    # The container may have ended once more.
    assert after[("GET", "pods/log")] - before.get(("GET", "pods/log"), 0) <= 1
