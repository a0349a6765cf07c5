"""A cluster per run, a namespace per test, and everything dumped where one fails."""

from __future__ import annotations

import os
import re
import shutil
import signal
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from localcluster import LocalCluster

from cluster.support.account import give_role, kubeconfig_of_account
from cluster.support.connector import Connector, environment
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.runs import define_runs, runs_shown
from cluster.support.shared import GIVEN, Cleaner, Cluster, Connectors


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets each worker of a parallel run, which begins with a part of its own, begin with long tests."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("long")]
    rest = [item for item in items if not item.get_closest_marker("long")]
    size = -(-len(items) // workers)
    parts = []
    for worker in range(workers):
        part = long[worker::workers]
        rest, others = rest[size - len(part) :], rest[: size - len(part)]
        parts += [*part, *others]
    items[:] = [*parts, *rest]


@pytest.fixture(scope="session", autouse=True)
def hangups_reach_children() -> None:
    """Makes the processes that the tests start end at a hangup, also where ``nohup`` started the tests.

    A child inherits an ignored signal, but not a handler.
    """
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, cluster_name: str) -> Cluster:
    """Returns the given cluster, or one that lives as long as the run; all workers of a parallel run share it."""
    if given := os.environ.get(GIVEN):
        kubectl = shutil.which("kubectl")
        assert kubectl, f"{GIVEN} is set, so the tests need kubectl on the PATH: install it, or unset {GIVEN}."
        return Cluster(Path(given), kubectl, None, None, None)
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def show(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n  cluster: {line}", end="", flush=True)

    # The first worker brings it up, and the others wait for that. tests/conftest.py takes it down.
    local = LocalCluster.start(cluster_name, progress=show)
    return Cluster(
        local.kubeconfig,
        str(local.kubectl_program),
        local.why_no_real_pods,
        local.tag_image,
        local.restart_api_server,
        local.etcd,
    )


@pytest.fixture(scope="session")
def cleaner() -> Iterator[Cleaner]:
    """Returns what takes the namespaces of finished tests away."""
    cleaner = Cleaner()
    yield cleaner
    cleaner.finish()


@pytest.fixture
def kubernetes(cluster: Cluster, cleaner: Cleaner, request: pytest.FixtureRequest) -> Iterator[Kubernetes]:
    """Returns a fresh namespace."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-")
    kubernetes = Kubernetes(cluster.kubectl, cluster.kubeconfig, f"{words}-{uuid.uuid4().hex[:6]}")
    kubernetes.create_namespace()
    wait_until(lambda: kubernetes.get("serviceaccount", "default"), "the namespace's service account")
    yield kubernetes
    if getattr(request.node, "failed", False):
        print(kubernetes.dump())
    cleaner.take_away(kubernetes)


@pytest.fixture(scope="session")
def connectors(cluster: Cluster, cleaner: Cleaner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connectors]:
    """Returns the connectors that the tests share."""
    kubernetes = Kubernetes(cluster.kubectl, cluster.kubeconfig, f"connectors-{uuid.uuid4().hex[:6]}")
    kubernetes.create_namespace()
    connectors = Connectors(kubernetes, tmp_path_factory.mktemp("connectors"))
    yield connectors
    connectors.stop()
    cleaner.take_away(kubernetes)


@pytest.fixture(scope="session")
def connectors_that_see_runs(
    cluster: Cluster, cleaner: Cleaner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connectors]:
    """Returns the connectors of tests about services that end with runs: their account may watch runs."""
    kubernetes = Kubernetes(cluster.kubectl, cluster.kubeconfig, f"runs-{uuid.uuid4().hex[:6]}")
    kubernetes.create_namespace()
    define_runs(kubernetes)
    connectors = Connectors(kubernetes, tmp_path_factory.mktemp("connectors-that-see-runs"))
    with runs_shown(kubernetes):
        yield connectors
        connectors.stop()
    cleaner.take_away(kubernetes)


@pytest.fixture
def real_pods(cluster: Cluster) -> None:
    """Skips a test whose pods have to run, on a cluster whose pods only seem to."""
    if cluster.why_no_real_pods:
        pytest.skip(f"This test needs pods that run. {cluster.why_no_real_pods}")


@pytest.fixture
def env(kubernetes: Kubernetes, connectors: Connectors, tmp_path: Path) -> dict[str, str]:
    """Returns the environment of a process in the test's namespace, with the documented permissions alone."""
    give_role(kubernetes, beside=connectors.namespace)
    return environment(kubeconfig_of_account(kubernetes, tmp_path), kubernetes.namespace)


@pytest.fixture
def here(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the test's own process work on the test's namespace."""
    for key in ("KUBECONFIG", "K8SDATASERVICE_NAMESPACE"):
        monkeypatch.setenv(key, env[key])


@pytest.fixture
def start_connector(env: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Connector]]:
    """Returns a function that starts a connector, with other variables if need be."""
    started: list[Connector] = []

    def start(**variables: str) -> Connector:
        connector = Connector(env | variables, tmp_path / f"connector-{len(started)}.log")
        started.append(connector)
        return connector

    yield start
    for connector in started:
        connector.stop()
        print(f"--- the connector's log\n{connector.log.read_text()}")


@pytest.fixture
def with_connector(
    connectors: Connectors, kubernetes: Kubernetes, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Connector]]:
    """Returns a function that gives a connector which other tests use too, with settings of its own if need be.

    Its services live in the test's namespace, where its account has the documented permissions alone. A test that ends
    its connector, or reads its log, starts one of its own.
    """
    give_role(kubernetes, beside=connectors.namespace)
    used: dict[Path, int] = {}

    def get(settings: str | None = None, **variables: str) -> Connector:
        connector = connectors.get(settings, **variables)
        used.setdefault(connector.log, connector.log.stat().st_size)
        return connector.in_namespace(kubernetes.namespace)

    yield get
    if getattr(request.node, "failed", False):
        for log, begin in used.items():
            print("--- the connector's log, with that of its earlier tests cut off")
            print(log.read_bytes()[begin:].decode(errors="replace"))


@pytest.fixture
def connector(with_connector: Callable[..., Connector]) -> Connector:
    """Returns a running connector."""
    return with_connector()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes on a test that it failed, for the fixtures that end after it."""
    report = yield
    if report.failed:
        item.failed = True  # type: ignore[attr-defined]
    return report


@pytest.fixture(scope="module")
def shared_kubernetes(cluster: Cluster) -> Iterator[Kubernetes]:
    """Returns a namespace for the tests of a module that are to make nothing."""
    kubernetes = Kubernetes(cluster.kubectl, cluster.kubeconfig, f"shared-{uuid.uuid4().hex[:6]}")
    kubernetes.create_namespace()
    yield kubernetes
    kubernetes.delete_namespace()


@pytest.fixture(scope="module")
def shared_connector(connectors: Connectors, shared_kubernetes: Kubernetes) -> Connector:
    """Returns a connector for the tests of a module that are to make nothing."""
    give_role(shared_kubernetes, beside=connectors.namespace)
    return connectors.get().in_namespace(shared_kubernetes.namespace)


@pytest.fixture
def local_registry(cluster: Cluster) -> None:
    """Skips a test that needs the answers of the local cluster's registry."""
    if cluster.tag_image is None:
        pytest.skip("The registry that answers 404, 403, 429 and 503 by the image's name is the local cluster's.")


@pytest.fixture
def documented_image(cluster: Cluster) -> None:
    """Gives the local cluster the image that the documentation names; a given cluster cannot have it."""
    if cluster.tag_image is None:
        pytest.skip("The documented image, my-registry/my-data-service:latest, exists on the local cluster only.")
    cluster.tag_image("my-registry/my-data-service:latest")
