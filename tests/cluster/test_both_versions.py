"""Each version of the plugin polls and deletes the services of the other one, on a real cluster."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flyteidl.core.execution_pb2 import TaskExecution
from flytekitplugins_k8sdataservice import DataServiceConnector, DataServiceMetadata
from unit.version_1 import Interpreter, python_of_version_1

from cluster.support.configs import config
from cluster.support.kubernetes import Kubernetes, wait_until

#: The only namespace that version 1 knows.
FLYTE = "flyte"

CONNECT = """
from types import SimpleNamespace
from kubernetes import config
config.load_kube_config(given["kubeconfig"])
from flytekitplugins.k8sdataservice.connector import DataServiceConnector, DataServiceMetadata
connector = DataServiceConnector()
"""
GET = f'{CONNECT}answer = connector.get(DataServiceMetadata.decode(given["state"].encode())).phase or 0'
DELETE = f'{CONNECT}answer = connector.delete(DataServiceMetadata.decode(given["state"].encode()))'
CREATE = f"""{CONNECT}
made = connector.create(SimpleNamespace(custom=given["config"]), "s3://bucket/n0/0")
answer = made.encode().decode()
"""


@pytest.fixture
def flyte(kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    """Returns the namespace of version 1, which both versions may use with all permissions."""
    kubernetes.run("create", "namespace", FLYTE, check=False)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    monkeypatch.setenv("K8SDATASERVICE_NAMESPACE", kubernetes.namespace)
    return Kubernetes(kubernetes.kubectl, kubernetes.kubeconfig, FLYTE)


def version_1(script: str, given: dict[str, Any]) -> Any:
    """Runs a script in a process of its own: version 1 connects when it is imported."""
    interpreter = Interpreter(python_of_version_1())
    try:
        return interpreter.run(script, given)
    finally:
        interpreter.process.kill()


def names(flyte: Kubernetes, name: str) -> list[str]:
    """Returns what there is of a service."""
    found = flyte.run("get", "statefulsets,services", "--output", "name")
    return sorted(line.split("/")[0] for line in found.splitlines() if line.endswith(f"/{name}"))


@pytest.fixture
def name(flyte: Kubernetes) -> Iterator[str]:
    """Returns the name of a service, and deletes the service afterwards: other tests use the namespace, too."""
    name = f"both-{uuid.uuid4().hex[:6]}"
    yield name
    flyte.run("delete", "statefulset,service", name, "--ignore-not-found", "--wait=false")


def test_version_1_polls_and_deletes_what_this_version_has_created(flyte: Kubernetes, name: str) -> None:
    wire = config(name, Namespace=FLYTE)
    template = type("Template", (), {"custom": wire})()
    made = asyncio.run(DataServiceConnector().create(template, "s3://bucket/n0/0"))
    given = {"kubeconfig": str(flyte.kubeconfig), "state": made.encode().decode()}
    assert names(flyte, name) == ["service", "statefulset.apps"]
    assert wait_until(lambda: version_1(GET, given) == TaskExecution.SUCCEEDED, "version 1 to call it ready", 120)
    version_1(DELETE, given)
    assert wait_until(lambda: names(flyte, name) == [], "the service to be gone")


def test_this_version_polls_and_deletes_what_version_1_has_created(flyte: Kubernetes, name: str) -> None:
    given = {"kubeconfig": str(flyte.kubeconfig), "config": config(name, Port=40000, Replicas=1)}
    state = DataServiceMetadata.decode(version_1(CREATE, given).encode())
    assert (state.namespace, state.owner) == (FLYTE, None)
    connector = DataServiceConnector()

    def phase() -> int:
        return asyncio.run(connector.get(state)).phase

    assert wait_until(lambda: phase() == TaskExecution.SUCCEEDED, "this version to call it ready", 60)
    asyncio.run(connector.delete(state))
    assert wait_until(lambda: names(flyte, name) == [], "the service to be gone")
