"""Services that people, notebooks and local runs hold by Leases: real processes, and a real API server."""

from __future__ import annotations

import getpass
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flyteidl.core.execution_pb2 import TaskExecution
from k8sdataservice._core import Client
from k8sdataservice.exceptions import ForbiddenError, NotFoundError
from k8sdataservice.hold import hold

from cluster.support import pyflyte
from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.leases import (
    CREATES,
    HOLDER,
    HOLDS,
    HOLDS_ASYNC,
    REAPERS,
    allow_leases,
    creates,
    expire,
    finish,
    holders,
    lease_name,
    lease_of,
    reap,
    renewal,
    script,
    until_reaped,
)
from cluster.support.objects import foreign_service, foreign_stateful_set, nothing
from cluster.support.polled_sensor import Sensor, sensor

WORKFLOWS = Path(__file__).parent / "support" / "workflows.py"

#: How often a Lease is renewed, and how long a renewal may take on a busy machine, in seconds.
RENEWAL, SLACK = 15.0, 8.0


@pytest.fixture
def allowed(env: dict[str, str], kubernetes: Kubernetes) -> dict[str, str]:
    """Returns the environment of a process that may hold services by Leases."""
    allow_leases(kubernetes)
    return env


@pytest.fixture
def foo(kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a service that stays."""
    make(kubernetes, monkeypatch, config("foo", Replicas=0))


def make(kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, object]) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    Client().create_sync(wanted, namespace=kubernetes.namespace, owner="me", execution="a test")


def who(process: subprocess.Popen[str]) -> str:
    """Returns a process as messages name it."""
    return f"{getpass.getuser()}@{socket.gethostname()}/{process.pid}"


def test_a_service_of_a_local_run_that_is_killed_ends_with_its_lease(
    allowed: dict[str, str], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    with pyflyte.start(allowed, WORKFLOWS, "consumes_bound", "--marker", str(marker)) as process:
        wait_until(marker.exists, "the consumer to begin", 60.0)
        (holder,) = holders(kubernetes, "bound")
        assert (holder["kind"], holder["identity"]) == ("Lease", who(process))
        assert reap(kubernetes) == f"{kubernetes.namespace}/bound stays: it is used by {who(process)}\n"
        process.kill()
    assert "stays: it is used by" in reap(kubernetes), "until the Lease expires"
    expire(kubernetes, lease_name(kubernetes, "bound"))
    until_reaped(kubernetes, "bound")
    wait_until(lambda: kubernetes.services() == nothing(), "the service to be gone")
    wait_until(lambda: not kubernetes.names("leases"), "the Lease to go with its service")


def test_a_connector_ends_what_a_killed_local_run_has_left(
    allowed: dict[str, str], kubernetes: Kubernetes, start_connector: Callable[..., Connector]
) -> None:
    with script(allowed, CREATES) as process:
        process.kill()
    expire(kubernetes, lease_name(kubernetes, "foo"))
    connector = start_connector()
    made = connector.create(config("other", Replicas=0))
    connector.get(made)
    wait_until(lambda: kubernetes.names("statefulsets") == ["other"], "the service to be gone", 30.0)


def test_a_process_that_lives_keeps_its_service(allowed: dict[str, str], kubernetes: Kubernetes) -> None:
    with script(allowed, CREATES) as process:
        first = wait_until(lambda: renewal(kubernetes, "foo"), "the first renewal")
        end = time.monotonic() + RENEWAL + SLACK
        while renewal(kubernetes, "foo") == first:
            assert time.monotonic() < end, "the Lease is not renewed"
            assert f"foo stays: it is used by {who(process)}" in reap(kubernetes)
            time.sleep(1)
        lease = lease_of(kubernetes, "foo")
        service = kubernetes.get("statefulset", "foo")
        assert service
        assert lease["metadata"]["ownerReferences"][0]["uid"] == service["metadata"]["uid"]
        assert lease["spec"]["leaseDurationSeconds"] == 60
        assert lease["spec"]["acquireTime"] < lease["spec"]["renewTime"]


def test_a_child_that_was_forked_does_not_renew(allowed: dict[str, str], kubernetes: Kubernetes) -> None:
    forks = CREATES.replace('print("ready"', 'os.fork() or __import__("time").sleep(60)\n    print("ready"')
    with script(allowed, forks) as process:
        wait_until(lambda: renewal(kubernetes, "foo"), "the first renewal")
        process.kill()
        last = renewal(kubernetes, "foo")
        time.sleep(RENEWAL + SLACK)
        assert renewal(kubernetes, "foo") == last


def test_a_service_that_two_local_runs_share_ends_with_the_last(
    allowed: dict[str, str], kubernetes: Kubernetes
) -> None:
    with script(allowed, CREATES) as first:
        with script(allowed, CREATES) as second:
            assert {holder["identity"] for holder in holders(kubernetes, "foo")} == {who(first), who(second)}
            assert "None\n" in finish(second), "no warning"
        for lease in kubernetes.objects("leases"):
            if lease["spec"]["holderIdentity"] == who(second):
                expire(kubernetes, lease["metadata"]["name"])
        time.sleep(2)
        assert reap(kubernetes) == f"{kubernetes.namespace}/foo stays: it is used by {who(first)}\n"
        first.kill()
    for name in kubernetes.names("leases"):
        expire(kubernetes, name)
    until_reaped(kubernetes, "foo")


@pytest.mark.usefixtures("foo")
def test_a_local_run_holds_a_service_that_it_attaches_to(allowed: dict[str, str], kubernetes: Kubernetes) -> None:
    with script(allowed, creates({"ExistingReleaseName": "foo"})) as process:
        (holder,) = holders(kubernetes, "foo")
        assert holder["identity"] == who(process)
        assert "None\n" in finish(process), "no warning"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_ctrl_c_removes_the_service_and_its_lease_at_once(
    allowed: dict[str, str], kubernetes: Kubernetes, tmp_path: Path, name: str
) -> None:
    marker = tmp_path / "marker"
    with pyflyte.start(allowed, WORKFLOWS, "consumes_bound", "--marker", str(marker)) as process:
        wait_until(marker.exists, "the consumer to begin", 60.0)
        assert kubernetes.names("leases")
        output = pyflyte.interrupt(process, signal.Signals[name])
    assert kubernetes.services() == nothing()
    assert kubernetes.names("leases") == []
    assert f"Data service bound in namespace {kubernetes.namespace} was deleted.\n" in output


def test_a_local_sensor_deletes_the_service_of_its_own_run(allowed: dict[str, str], kubernetes: Kubernetes) -> None:
    pyflyte.run(allowed, WORKFLOWS, "passes_the_name")
    assert kubernetes.services() == nothing()
    assert kubernetes.names("leases") == []


@pytest.mark.usefixtures("foo")
@pytest.mark.parametrize("text", [HOLDS, HOLDS_ASYNC], ids=["with", "async-with"])
def test_a_block_holds_a_service_for_as_long_as_it_runs(
    allowed: dict[str, str], kubernetes: Kubernetes, connector: Connector, text: str
) -> None:
    with script(allowed, text) as process:
        (holder,) = holders(kubernetes, "foo")
        assert holder["name"] == lease_name(kubernetes, "foo")
        polled = Sensor(
            connector, sensor(namespace=kubernetes.namespace), release_name="foo", cleanup_data_service=True
        )
        assert polled.poll() == TaskExecution.SUCCEEDED
        assert kubernetes.get("statefulset", "foo")
        assert f"foo stays: it is used by {who(process)}" in reap(kubernetes)
        finish(process)
    assert kubernetes.names("leases") == []
    # The sensor has asked for its end, and it was the last holder.
    until_reaped_after_joining(kubernetes)


def until_reaped_after_joining(kubernetes: Kubernetes) -> None:
    """Reaps a service whose holder has just joined, as if it had joined long ago."""
    assert "which has just joined, does not exist" in reap(kubernetes)
    joined_long_ago(kubernetes)
    until_reaped(kubernetes, "foo")


def joined_long_ago(kubernetes: Kubernetes) -> None:
    (holder,) = holders(kubernetes, "foo")
    there = kubernetes.get("statefulset", "foo")
    assert there
    key = next(key for key in there["metadata"]["annotations"] if key.startswith(HOLDER))
    value = json.dumps(holder | {"since": "2026-01-01T00:00:00Z"})
    kubernetes.run("annotate", "statefulset", "foo", "--overwrite", f"{key}={value}")


def test_an_abort_leaves_a_service_that_a_person_holds_and_it_ends_when_they_leave(
    allowed: dict[str, str], kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(kubernetes, monkeypatch, config("foo", Replicas=0, Lifetime="run"))
    with script(allowed, HOLDS) as process:
        deletion = Client().delete_sync("foo", namespace=kubernetes.namespace, owner="me")
        assert (deletion.outcome, deletion.used_by) == ("InUse", [who(process)])
        finish(process)
    until_reaped_after_joining(kubernetes)


@pytest.mark.usefixtures("foo")
def test_a_service_that_is_held_no_more_has_no_trace_of_it(allowed: dict[str, str], kubernetes: Kubernetes) -> None:
    with script(allowed, HOLDS) as process:
        finish(process)
    assert holders(kubernetes, "foo") == []
    assert kubernetes.names("leases") == []
    assert kubernetes.get("statefulset", "foo")


@pytest.mark.usefixtures("allowed", "here")
def test_only_a_data_service_that_exists_can_be_held(kubernetes: Kubernetes) -> None:
    kubernetes.apply(foreign_stateful_set("foreign"), foreign_service("foreign"))
    for name in ("missing", "foreign"):
        with pytest.raises(NotFoundError, match="Only a data service that exists can be held"), hold(name):
            pass
    assert kubernetes.names("leases") == []


def test_an_update_keeps_a_process_that_holds_the_service(
    allowed: dict[str, str], kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    with script(allowed, CREATES) as process:
        wanted = {"Name": "foo", "Image": "busybox:latest", "Replicas": 0, "Lifetime": "run", "MinReadySeconds": 1}
        updated = Client().update_sync(
            wanted, namespace=kubernetes.namespace, owner="another", execution="a person", adopt=True
        )
        assert updated.changes
        assert [holder["identity"] for holder in holders(kubernetes, "foo")] == [who(process)]


def test_a_lease_that_somebody_deletes_ends_the_hold(allowed: dict[str, str], kubernetes: Kubernetes) -> None:
    with script(allowed, CREATES):
        kubernetes.run("delete", "lease", lease_name(kubernetes, "foo"))
        assert "which has just joined, does not exist" in reap(kubernetes)
        joined_long_ago(kubernetes)
        until_reaped(kubernetes, "foo")


needs_a_wrong_clock = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="a clock is put wrong with a library"
)


def wrong_clock(allowed: dict[str, str], tmp_path: Path, offset: int) -> dict[str, str]:
    """Returns the variables of a process whose clock is wrong by so many seconds."""
    library = tmp_path / "wrong_clock.so"
    source = Path(__file__).parent / "support" / "faults" / "wrong_clock.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    # By this clock the cluster's certificate may not be valid yet, which is none of this test's concern.
    kubeconfig = json.loads(Path(allowed["KUBECONFIG"]).read_text())
    kubeconfig["clusters"][0]["cluster"] |= {"insecure-skip-tls-verify": True}
    kubeconfig["clusters"][0]["cluster"].pop("certificate-authority-data")
    trusting = tmp_path / "trusting"
    trusting.write_text(json.dumps(kubeconfig))
    return {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset), "KUBECONFIG": str(trusting)}


@needs_a_wrong_clock
@pytest.mark.parametrize("offset", [-3600, 3600], ids=["an-hour-behind", "an-hour-ahead"])
def test_a_wrong_clock_ends_no_service_and_keeps_none(
    allowed: dict[str, str], kubernetes: Kubernetes, tmp_path: Path, offset: int
) -> None:
    wrong = wrong_clock(allowed, tmp_path, offset)
    used = "foo stays: it is used by"
    with script(allowed | wrong, CREATES) as process:
        assert used in reap(kubernetes), "before the first renewal, or just after"
        wait_until(lambda: renewal(kubernetes, "foo"), "the first renewal")
        assert used in reap(kubernetes)
        assert used in reap(kubernetes, **wrong)
        process.kill()
    expire(kubernetes, lease_name(kubernetes, "foo"))
    until_reaped(kubernetes, "foo", **wrong)


@needs_a_wrong_clock
@pytest.mark.parametrize(
    ("offset", "ttl", "ends"), [(-3600, "2s", True), (3600, "30m", False)], ids=["an-hour-behind", "an-hour-ahead"]
)
def test_a_time_to_live_counts_by_the_clock_of_the_api_server(
    allowed: dict[str, str],
    kubernetes: Kubernetes,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    offset: int,
    ttl: str,
    ends: bool,
) -> None:
    make(kubernetes, monkeypatch, config("foo", Replicas=0, Lifetime={"bound": "persist", "ttl": ttl}))
    wrong = wrong_clock(allowed, tmp_path, offset)
    if ends:
        over = f"foo deleted: its ttl of {ttl} is over"
        wait_until(lambda: over in reap(kubernetes, **wrong), "the service to be deleted", 20)
        assert kubernetes.get("statefulset", "foo") is None
    else:
        assert "foo stays" in reap(kubernetes, **wrong)
        assert kubernetes.get("statefulset", "foo")


@pytest.mark.parametrize("missing", ["create", "patch"])
def test_without_the_permission_for_leases_a_local_run_works_as_before(
    env: dict[str, str], kubernetes: Kubernetes, missing: str
) -> None:
    allow_leases(kubernetes, without=missing)
    with script(env, CREATES) as process:
        assert holders(kubernetes, "foo") == []
        assert "foo stays: whether a run uses it is unknown" in reap(kubernetes)
        log = finish(process)
    assert "Data service foo does not end if this process is killed" in log
    assert f'resources: ["leases"], verbs: ["{missing}"]' in log
    assert "examples/rbac-local.yaml" in log
    assert "<lease>" not in log, "the Lease has its name"
    assert kubernetes.names("leases") == []


@pytest.mark.usefixtures("foo", "env")
@pytest.mark.parametrize("missing", ["create", "patch"])
def test_without_the_permission_for_leases_a_block_does_not_begin(
    env: dict[str, str], kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    allow_leases(kubernetes, without=missing)
    done = subprocess.run(
        [sys.executable, "-c", "from k8sdataservice.hold import hold\nwith hold('foo'): pass"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ForbiddenError.__name__ in done.stderr
    assert f'resources: ["leases"], verbs: ["{missing}"]' in done.stderr
    assert holders(kubernetes, "foo") == []


@pytest.mark.usefixtures("foo")
def test_without_the_permission_to_delete_leases_they_go_with_their_service(
    env: dict[str, str], kubernetes: Kubernetes
) -> None:
    allow_leases(kubernetes, without="delete")
    with script(env, HOLDS) as process:
        log = finish(process)
    assert holders(kubernetes, "foo") == []
    assert len(kubernetes.names("leases")) == 1
    assert "it is not deleted, and goes with its service" in log


@pytest.mark.parametrize("is_allowed", [True, False], ids=["with-get", "without-get"])
def test_a_reaper_has_to_read_leases(allowed: dict[str, str], kubernetes: Kubernetes, is_allowed: bool) -> None:
    with script(allowed, CREATES) as process:
        process.kill()
    expire(kubernetes, lease_name(kubernetes, "foo"))
    kubernetes.run("delete", "rolebinding", "k8sdataservice-holders")
    if is_allowed:
        allow_leases(kubernetes, REAPERS)
        until_reaped(kubernetes, "foo", KUBECONFIG=allowed["KUBECONFIG"])
        return
    time.sleep(2)
    reaped = reap(kubernetes, KUBECONFIG=allowed["KUBECONFIG"])
    assert "foo stays: whether a run uses it is unknown: " in reaped
    assert 'cannot get resource "leases"' in reaped
