"""A cluster per run, a namespace per test, and everything dumped where one fails."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from localcluster import LocalCluster

from cluster.support.account import give_role, kubeconfig_of_account
from cluster.support.connector import Connector, environment
from cluster.support.kubernetes import Kubernetes, wait_until

#: The variable with the kubeconfig of a cluster to use instead of one that the tests make.
GIVEN = "KUBECONFIG_UNDER_TEST"


@dataclass(frozen=True)
class Cluster:
    """The cluster that the tests run against."""

    kubeconfig: Path
    kubectl: str
    why_no_real_pods: str | None
    tag_image: Callable[[str], None] | None
    restart_api_server: Callable[[], None] | None
    etcd: str | None = None


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Returns the given cluster, or one that lives as long as the run."""
    if given := os.environ.get(GIVEN):
        kubectl = shutil.which("kubectl")
        assert kubectl, f"{GIVEN} is set, so the tests need kubectl on the PATH: install it, or unset {GIVEN}."
        yield Cluster(Path(given), kubectl, None, None, None)
        return
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def show(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n  cluster: {line}", end="", flush=True)

    with LocalCluster.start(f"test-{os.getpid()}", progress=show) as local:
        yield Cluster(
            local.kubeconfig,
            str(local.kubectl_program),
            local.why_no_real_pods,
            local.tag_image,
            local.restart_api_server,
            local.etcd,
        )


@pytest.fixture
def kubernetes(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Kubernetes]:
    """Returns a fresh namespace."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-")
    kubernetes = Kubernetes(cluster.kubectl, cluster.kubeconfig, f"{words}-{uuid.uuid4().hex[:6]}")
    kubernetes.run("create", "namespace", kubernetes.namespace)
    wait_until(lambda: kubernetes.get("serviceaccount", "default"), "the namespace's service account")
    yield kubernetes
    if getattr(request.node, "failed", False):
        print(kubernetes.dump())
    # At once, since the node has room for few pods, and the next test wants its own.
    kubernetes.run("delete", "statefulsets", "--all", "--wait=false")
    kubernetes.run("delete", "pods", "--all", "--grace-period", "0", "--force", "--wait=false", check=False)
    kubernetes.run("delete", "namespace", kubernetes.namespace, "--wait=false", "--ignore-not-found")


@pytest.fixture
def real_pods(cluster: Cluster) -> None:
    """Skips a test whose pods have to run, on a cluster whose pods only seem to."""
    if cluster.why_no_real_pods:
        pytest.skip(f"This test needs pods that run. {cluster.why_no_real_pods}")


@pytest.fixture
def env(kubernetes: Kubernetes, tmp_path: Path) -> dict[str, str]:
    """Returns the environment of a process that works on the test's namespace, with the documented rights alone."""
    give_role(kubernetes)
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
def connector(start_connector: Callable[..., Connector]) -> Connector:
    """Returns a running connector."""
    return start_connector()


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
    kubernetes.run("create", "namespace", kubernetes.namespace)
    yield kubernetes
    kubernetes.run("delete", "namespace", kubernetes.namespace, "--wait=false", "--ignore-not-found")


@pytest.fixture(scope="module")
def shared_connector(shared_kubernetes: Kubernetes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connector]:
    """Returns a connector for the tests of a module that are to make nothing."""
    variables = environment(shared_kubernetes.kubeconfig, shared_kubernetes.namespace)
    connector = Connector(variables, tmp_path_factory.mktemp("connector") / "connector.log")
    yield connector
    connector.stop()


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
