"""Services whose pods report themselves since when they are idle."""

from __future__ import annotations

import json
from typing import Any

import pytest
from k8sdataservice._core import Client, Execution

from cluster.support.configs import config
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.runs import SUCCEEDED, begin, define_runs

UNUSED = "k8sdataservice.flyte.org/unused-since"
LONG_AGO = json.dumps({"at": "2026-01-01T00:00:00Z", "outcome": "succeeded"})


@pytest.fixture
def client(kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Returns the client of a person who may do everything; no connector runs."""
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    define_runs(kubernetes)
    return Client(timeout=15)


def service(name: str, answer: str | None, then: str = "Delete", **check: Any) -> Object:
    """Returns a service whose pods answer this to the question whether they are idle."""
    serve = "while :; do sleep 1; done" if answer is None else f"echo '{answer}' > idle; httpd -f -p 40001"
    # The first process of a container ignores SIGTERM unless it handles it.
    command = ["sh", "-c", f"trap 'exit 0' TERM; cd /tmp; ({serve}) & wait"]
    idle = {"after": "1m", "then": then, "httpGet": {"path": "/idle", "port": 40001} | check}
    return config(name, Command=command, MinReadySeconds=0, Lifetime={"bound": "run", "idle": idle})


def reasons(client: Client, kubernetes: Kubernetes) -> dict[str, str]:
    swept = client.reap_sync(namespace=kubernetes.namespace, dry_run=True)
    assert swept.errors == []
    return {reaped.name: reaped.reason for reaped in swept.services}


@pytest.mark.usefixtures("real_pods")
def test_only_a_service_whose_pods_report_that_they_are_idle_ends(client: Client, kubernetes: Kubernetes) -> None:
    run = begin(kubernetes)
    place: dict[str, Any] = {"namespace": kubernetes.namespace, "owner": f"{run.execution.name}/n0"}
    services = {
        "idle": service("idle", '{"idle_since": 1700000000}'),
        "busy": service("busy", '{"idle_since": null}'),
        "silent": service("silent", None),
        "odd": service("odd", "I am fine."),
        "missing": service("missing", '{"idle_since": 1700000000}', path="/no-such-path"),
        "just-now": service("just-now", '{"idle_since": 4000000000}', then="Sleep"),
    }
    execution = Execution("flytesnacks", "development", run.execution.name, "n0", namespace=kubernetes.namespace)
    for wanted in services.values():
        client.create_sync(wanted, execution=execution, **place)
    for name in services:
        client.wait_sync(name, namespace=kubernetes.namespace, timeout=60)
    run.end(SUCCEEDED)
    for name in services:
        kubernetes.run("annotate", "statefulset", name, f"{UNUSED}={LONG_AGO}", "--overwrite")
    found = reasons(client, kubernetes)
    # This client looks after the namespace by itself, too, and may have been there first.
    assert found.get("idle", "no run has used it for 1m") == "no run has used it for 1m"
    assert found["busy"] == "it is used by a client, as pod busy-0 reports"
    unknown = "whether a run uses it is unknown: "
    assert found["silent"].startswith(f"{unknown}pod silent-0 cannot be reached: Connection refused"), found
    assert found["odd"] == f'{unknown}pod odd-0 does not answer {{"idle_since": <seconds since 1970> or null}}'
    assert f"{unknown}pod missing-0 answers with HTTP status 404" in found["missing"]
    assert found["just-now"].startswith("no run uses it, and it is put to sleep at 2096-10-02T")
    client.reap_sync(namespace=kubernetes.namespace)
    rest = sorted(set(services) - {"idle"})
    wait_until(lambda: kubernetes.names("statefulsets") == rest, "the idle service to be gone, and no other")
