"""A service whose runs cannot be seen at the moment: nothing ends it, and the next run holds it all the same."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from k8sdataservice._core import Client
from k8sdataservice._core import Execution as Named
from k8sdataservice.exceptions import DataServiceError

from cluster.support.configs import config
from cluster.support.connector import environment
from cluster.support.faults.api_server import Answer, ApiServer
from cluster.support.faults.calls import Position
from cluster.support.faults.exchange import Exchange
from cluster.support.faults.proxy import FaultProxy, Trouble
from cluster.support.faults.strikes import (
    half_a_reply,
    internal_error,
    lost_reply,
    lost_request,
    throttled,
    turned_away,
    unavailable,
)
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import nothing
from cluster.support.runs import RUNNING, SUCCEEDED, Run, begin, define_runs

#: The read by which a process finds out whether a run goes on.
LOOK = Position("GET flyteworkflows", 0)
#: Longer than a process waits for it, in seconds.
HANGS = 8.0


def undefined(exchange: Exchange) -> None:
    """The API server serves no such kind: it answers with its page of text."""
    exchange.reply(Answer(404, [("Content-Type", "text/plain")], b"404 page not found\n"))


def hanging(exchange: Exchange) -> None:
    """The API server does not answer in time."""
    time.sleep(HANGS)
    lost_request(exchange)


STRIKES = [
    lost_request,
    lost_reply,
    half_a_reply,
    throttled,
    turned_away,
    internal_error,
    unavailable,
    undefined,
    hanging,
]


@pytest.fixture
def proxy(kubernetes: Kubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Returns a way to the API server on which reads of runs fail."""
    define_runs(kubernetes)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    proxy = FaultProxy(ApiServer(kubernetes, tmp_path), watches=True)
    yield proxy
    proxy.close()


def create(kubernetes: Kubernetes, run: Run, client: Client, name: str = "foo") -> str | None:
    """Creates a service that ends with the run, and returns the warning."""
    owner = f"{run.execution.name}/n0"
    execution = Named("flytesnacks", "development", run.execution.name, "n0", namespace=kubernetes.namespace)
    wanted = config(name, Replicas=0, Lifetime="run")
    return client.create_sync(wanted, namespace=kubernetes.namespace, owner=owner, execution=execution).warning


def reap(kubernetes: Kubernetes, kubeconfig: Path) -> str:
    words = [str(Path(sys.executable).with_name("dataservice")), "reap"]
    variables = environment(kubeconfig, kubernetes.namespace)
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("strike", STRIKES)
def test_a_fault_of_the_api_server_ends_no_service(
    kubernetes: Kubernetes, proxy: FaultProxy, tmp_path: Path, strike: Callable[[Exchange], None]
) -> None:
    run = begin(kubernetes)
    create(kubernetes, run, Client(timeout=10))
    run.abort()
    # Each read of the run fails.
    proxy.trouble(run.execution.name, Trouble({LOOK: strike}, stays=LOOK))
    output = reap(kubernetes, proxy.kubeconfig(tmp_path))
    assert "foo stays: whether a run uses it is unknown: " in output, output
    assert kubernetes.get("statefulset", "foo")
    proxy.trouble(run.execution.name, Trouble())
    assert "foo deleted" in reap(kubernetes, proxy.kubeconfig(tmp_path))
    wait_until(lambda: kubernetes.services() == nothing(), "the service to be gone")


@pytest.mark.parametrize("strike", [unavailable, hanging])
def test_a_fault_at_one_look_hides_one_run_only(
    kubernetes: Kubernetes,
    proxy: FaultProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    strike: Callable[[Exchange], None],
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig(tmp_path)))
    client = Client(timeout=10)
    first, second = begin(kubernetes), begin(kubernetes)
    proxy.trouble(first.execution.name, Trouble({LOOK: strike}, stays=LOOK))
    warning = create(kubernetes, first, client, "first")
    assert warning and "does not end with its run, which cannot be seen" in warning
    assert create(kubernetes, second, client, "second") is None
    for run in (first, second):
        run.end(SUCCEEDED)
    # A service that no run was seen to use belongs to nobody.
    kubeconfig = kubernetes.kubeconfig
    wait_until(lambda: reap(kubernetes, kubeconfig) and kubernetes.names("statefulsets") == ["first"], "the other one")


def test_a_run_that_handles_its_failure_goes_on(kubernetes: Kubernetes, proxy: FaultProxy, tmp_path: Path) -> None:
    run = begin(kubernetes)
    create(kubernetes, run, Client(timeout=10))
    kubeconfig = kubernetes.kubeconfig
    # The phases FAILING and HANDLING_FAILURE_NODE: the node of `on_failure` may use the service.
    for phase in (4, 7):
        kubernetes.merge("flyteworkflow", run.execution.name, {"status": {"phase": phase}})
        assert f"foo stays: it is used by {run.name}" in reap(kubernetes, kubeconfig)
    # An abort: flytepropeller aborts the nodes while its finalizer holds the object.
    finalizers = {"metadata": {"finalizers": ["flyte.org/finalizer"]}, "status": {"phase": RUNNING}}
    kubernetes.merge("flyteworkflow", run.execution.name, finalizers)
    run.abort()
    assert f"foo stays: it is used by {run.name}" in reap(kubernetes, kubeconfig)
    kubernetes.merge("flyteworkflow", run.execution.name, {"metadata": {"finalizers": None}})
    assert "foo deleted: its last run was aborted, or is gone" in reap(kubernetes, kubeconfig)


@pytest.mark.long
def test_a_reaper_that_watches_ends_what_no_run_uses(kubernetes: Kubernetes, proxy: FaultProxy) -> None:
    run = begin(kubernetes)
    create(kubernetes, run, Client(timeout=10))
    words = [str(Path(sys.executable).with_name("dataservice")), "reap", "--watch"]
    variables = environment(kubernetes.kubeconfig, kubernetes.namespace)
    with subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, text=True) as process:
        lines: list[str] = []
        assert process.stdout
        reading = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
        reading.start()
        try:
            time.sleep(3)
            assert process.poll() is None and kubernetes.get("statefulset", "foo")
            run.end(SUCCEEDED)
            wait_until(lambda: kubernetes.services() == nothing(), "the service to be gone", 75)
            deleted = "foo deleted: its last run has succeeded"
            wait_until(lambda: any(deleted in line for line in lines), "the command to say so", 10)
        finally:
            process.terminate()
    reading.join(10)


@pytest.mark.parametrize("default", ["faulty", "missing"])
def test_runs_are_not_looked_for_in_the_cluster_of_the_service(
    kubernetes: Kubernetes,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    default: str,
) -> None:
    define_runs(kubernetes)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    run = begin(kubernetes)
    create(kubernetes, run, Client(timeout=10))
    # The run would count as over in this cluster, which is not the one that runs are in.
    run.abort()
    kubeconfig = tmp_path / "kubeconfig"
    if default == "faulty":
        kubeconfig.write_text("current-context: gone")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    named = Client(timeout=10, platform={"clusters": {"gpu": {"kubeconfig": str(kubernetes.kubeconfig)}}})
    place: dict[str, Any] = {"namespace": kubernetes.namespace, "cluster": "gpu"}
    if default == "faulty":
        for call in (named.reap_sync, named.list_sync):
            with pytest.raises(DataServiceError, match=r"looked for in the default cluster\. .*gone"):
                call(**place)
    else:
        # A person who has no other cluster sees the service, and that its runs are unknown.
        [reaped] = named.reap_sync(**place).services
        assert "whether a run uses it is unknown: No cluster is configured" in reaped.reason, reaped.reason
        [listed] = named.list_sync(**place).services
        assert listed.ends == "unknown", listed
    # The sweep of its own that a poll begins ends nothing either.
    for _ in range(2):
        named.get_sync("foo", **place)
    time.sleep(2)
    assert kubernetes.get("statefulset", "foo")
    logged = [each.message for each in caplog.records if "its services do not end by themselves yet" in each.message]
    assert len(logged) == (default == "faulty"), logged
