"""The place where the cases happen, made once for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster.support.connector import Connector, environment
from cluster.support.faults.api_server import ApiServer
from cluster.support.faults.arena import Arena
from cluster.support.faults.proxy import FaultProxy
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.shared import Cluster


@pytest.fixture(scope="session")
def shared_arena(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Returns a namespace with a connector behind the proxy and one beside it."""
    folder: Path = tmp_path_factory.mktemp("faults")
    kubernetes = Kubernetes(cluster.kubectl, cluster.kubeconfig, f"faults-{uuid.uuid4().hex[:6]}")
    kubernetes.create_namespace()
    wait_until(lambda: kubernetes.get("serviceaccount", "default"), "the namespace's service account")
    server = ApiServer(kubernetes, folder)
    proxy = FaultProxy(server)
    # Shorter than the default, so that an outage does not last long. A lost request takes half of it, and the other
    # half has to be enough on a busy machine.
    short = {"K8SDATASERVICE_CREATE_TIMEOUT": "4s"}
    behind = environment(proxy.kubeconfig(folder), kubernetes.namespace) | short
    beside = environment(kubernetes.kubeconfig, kubernetes.namespace) | short
    with ThreadPoolExecutor() as pool:
        first = pool.submit(Connector, behind, folder / "first.log")
        second = pool.submit(Connector, beside, folder / "second.log")
        arena = Arena(kubernetes, server, proxy, first.result(), second.result(), behind)
    arena.populate()
    yield arena
    arena.first.stop()
    arena.second.stop()
    proxy.close()
    kubernetes.delete_namespace()


@pytest.fixture
def arena(shared_arena: Arena, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    """Returns the place, makes the test's own process go through the proxy too, and clears the place afterwards."""
    for key in ("KUBECONFIG", "K8SDATASERVICE_NAMESPACE"):
        monkeypatch.setenv(key, shared_arena.environment[key])
    yield shared_arena
    # A test that failed midway leaves objects, which are not to fail the next tests.
    shared_arena.clear()
