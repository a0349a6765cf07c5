"""The metrics that Prometheus reads of a real connector: exact numbers, and no request of the API server for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.configs import config
from cluster.support.connector import Connector, Execution
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import nothing
from cluster.support.proxy import Proxy
from cluster.support.runs import FAILED, SUCCEEDED, begin, define_runs, runs_shown

KINDS = {"StatefulSet", "Pod", "EndpointSlice"}


@pytest.fixture
def connector(kubernetes: Kubernetes, start_connector: Callable[..., Connector]) -> Iterator[Connector]:
    """Returns a connector of its own, which watches runs and keeps failed services for a moment."""
    define_runs(kubernetes)
    with runs_shown(kubernetes):
        yield start_connector(K8SDATASERVICE_KEEP_FAILED="6s")


def polls(connector: Connector) -> tuple[float, float]:
    """Returns how many polls our metrics count, and how many flytekit's."""
    scraped = connector.metrics()
    ours = scraped.nonzero("polls_total", "source")
    return sum(ours.values()), scraped.total("flyte_connector_requests_success_total", operation="get")


def refused(connector: Connector, **fields: object) -> None:
    with pytest.raises(grpc.RpcError):
        connector.create(config("foo", **fields))


def test_a_connector_that_was_not_called_yet_has_counted_nothing(connector: Connector) -> None:
    scraped = connector.metrics()
    assert scraped.value("creates_total", result="created") == 0
    assert scraped.value("failures_total", reason="ImageNotFound") == 0
    ours = {name: value for (name, _), value in scraped.samples.items() if name.startswith("k8sdataservice_")}
    assert set(ours.values()) == {0}
    assert not any("watch" in name or "services" in name for name in ours)


def test_creates_are_counted_by_their_result_and_polls_by_where_they_are_answered(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    first = Execution()
    foo = config("foo", Replicas=0)
    resource_meta = connector.create(foo, first)
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED
    for execution in (first, first, Execution()):
        connector.create(foo, execution)
    attached = connector.create(config(None, ExistingReleaseName="foo"))
    refused(connector, Replicas=2)  # a conflict
    refused(connector, Port=-1)
    refused(connector, Namespace="default")  # forbidden
    scraped = connector.metrics()
    assert scraped.nonzero("creates_total", "result") == {
        "created": 1,
        "adopted": 2,
        "shared": 1,
        "attached": 1,
        "conflict": 1,
        "invalid": 1,
        "forbidden": 1,
    }
    connector.until_done(attached)
    before = connector.metrics().nonzero("polls_total", "source")
    for _ in range(50):
        connector.get(resource_meta)
    after = connector.metrics().nonzero("polls_total", "source")
    assert after["memory"] - before["memory"] == 50
    assert after.get("read") == before.get("read")
    ours, flytekits = polls(connector)
    assert ours == flytekits
    place = {"cluster": "current-context", "namespace": kubernetes.namespace}
    assert connector.metrics().nonzero("services", "phase", **place) == {"ready": 1}


def test_a_failure_is_counted_once_under_its_reason_and_so_is_the_end_of_a_service_that_was_kept(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    kubernetes.apply(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "small"},
            "spec": {"limits": [{"type": "Container", "max": {"cpu": "1m"}}]},
        }
    )
    doomed = connector.create(config("doomed"))
    assert connector.until_done(doomed).phase == TaskExecution.FAILED
    for _ in range(5):
        assert connector.get(doomed).phase == TaskExecution.FAILED
    scraped = connector.metrics()
    assert scraped.nonzero("failures_total", "reason") == {"LimitRangeRefused": 1}
    assert scraped.nonzero("services", "phase", namespace=kubernetes.namespace) == {"failed": 1}
    assert scraped.value("ready_seconds_count") == 0
    wait_until(lambda: kubernetes.services() == nothing(), "the kept one to be taken down", timeout=30)
    wait_until(lambda: connector.metrics().nonzero("reaped_total", "cause"), "the count")
    assert connector.metrics().nonzero("reaped_total", "cause") == {"kept_expired": 1}
    # A poll of what is gone repeats the verdict, and counts none.
    assert connector.get(doomed).phase == TaskExecution.FAILED
    assert connector.metrics().nonzero("failures_total", "reason") == {"LimitRangeRefused": 1}
    wait_until(
        lambda: not connector.metrics().nonzero("services", "phase", namespace=kubernetes.namespace), "no service"
    )


def test_services_that_end_are_counted_by_cause_and_those_that_are_held_with_their_holders(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    runs = [begin(kubernetes) for _ in range(4)]
    connector.create(config("succeeds", Replicas=0, Lifetime="run"), runs[0].execution)
    connector.create(config("fails", Replicas=0, Lifetime="run"), runs[1].execution)
    connector.create(config("fails", Replicas=0, Lifetime="run"), runs[2].execution)
    connector.create(config("stays", Replicas=0), runs[3].execution)
    connector.create(config("nobody", Replicas=0))
    here = {"namespace": kubernetes.namespace}
    wait_until(lambda: connector.metrics().total("k8sdataservice_services", **here) == 4, "the services to be watched")
    scraped = connector.metrics()
    assert scraped.total("k8sdataservice_services_held", **here) == 3
    assert scraped.total("k8sdataservice_holders", **here) == 4
    # The runs are watched from the next sweep on.
    connected = KINDS | {"FlyteWorkflow"}
    wait_until(lambda: connector.metrics().nonzero("watch_connected", "kind").keys() == connected, "the watches")
    for run, outcome in zip(runs, (SUCCEEDED, FAILED, FAILED), strict=False):
        run.end(outcome)
    connector.create(config("short", Replicas=0, Lifetime={"bound": "run", "ttl": "2s"}), runs[3].execution)
    ended = {"run_succeeded": 1, "run_failed": 1, "ttl": 1}
    wait_until(lambda: connector.metrics().nonzero("reaped_total", "cause") == ended, "the ends", timeout=30)
    runs[3].abort()
    time.sleep(6)
    assert connector.metrics().nonzero("reaped_total", "cause") == ended, "a service that persists does not end"


@pytest.mark.usefixtures("real_pods")
def test_the_time_to_ready_is_that_from_the_creation_until_the_first_answer(connector: Connector) -> None:
    begun = time.monotonic()
    resource_meta = connector.create(config("foo", Replicas=2))
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED
    took = time.monotonic() - begun
    for _ in range(10):
        connector.get(resource_meta)
    scraped = connector.metrics()
    assert scraped.value("ready_seconds_count") == 1
    seconds = scraped.value("ready_seconds_sum")
    # The API server writes the time of the creation without its fraction.
    assert seconds and took - 1 < seconds < took + 1.1
    assert scraped.value("ready_seconds_bucket", le="2.0") == 0
    assert scraped.value("ready_seconds_bucket", le="+Inf") == 1


def test_a_scrape_sends_nothing_to_the_api_server(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    proxy = Proxy(kubernetes)
    connector = start_connector(KUBECONFIG=str(proxy.kubeconfig(tmp_path)))
    resource_meta = connector.create(config("foo", Replicas=0))
    connector.until_done(resource_meta)

    def is_quiet() -> bool:
        before = proxy.sent
        time.sleep(2)
        return proxy.sent == before > 0

    wait_until(is_quiet, "the watches to be all that is left", timeout=30)
    before = proxy.sent
    for _ in range(50):
        assert connector.metrics().nonzero("services", "phase", namespace=kubernetes.namespace) == {"ready": 1}
    assert proxy.sent == before
    # The counters, if there were anything to count.
    kubernetes.run("delete", "statefulset", "foo")
    connector.get(resource_meta)
    assert proxy.sent > before
    proxy.close()


def test_while_the_api_server_is_away_the_watches_are_cut_off_and_age(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    proxy = Proxy(kubernetes)
    connector = start_connector(KUBECONFIG=str(proxy.kubeconfig(tmp_path)))
    connector.until_done(connector.create(config("foo", Replicas=0)))
    here = {"namespace": kubernetes.namespace}

    def connected() -> set[str]:
        return set(connector.metrics().nonzero("watch_connected", "kind", **here))

    wait_until(lambda: connected() == KINDS, "the watches")
    proxy.cut()
    wait_until(lambda: not connected(), "them to be cut off")
    first = connector.metrics().nonzero("watch_age_seconds", "kind", **here)
    time.sleep(2)
    begun = time.monotonic()
    second = connector.metrics()
    assert time.monotonic() - begun < 0.5, "a scrape waits for nothing"
    assert all(value >= first[kind] + 2 for kind, value in second.nonzero("watch_age_seconds", "kind", **here).items())
    assert second.nonzero("services", "phase", **here) == {"ready": 1}, "what was last known"
    proxy.mend()
    wait_until(lambda: connected() == KINDS, "them to go on", timeout=15)
    age = connector.metrics().nonzero("watch_age_seconds", "kind", **here)
    assert all(value < 5 for value in age.values()), age
    proxy.close()
