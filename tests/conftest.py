"""One cluster for all workers of a parallel run: the process that the user started names it, and takes it down."""

from __future__ import annotations

import os
from typing import Any

import pytest
from localcluster import LocalCluster
from localcluster.paths import cluster_folder

#: The workers' name for the cluster.
CLUSTER = "cluster"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Gives each worker of pytest-xdist the name of this run's cluster."""
    node.workerinput[CLUSTER] = _own_name()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Takes the cluster down when all workers are done."""
    if not hasattr(session.config, "workerinput") and cluster_folder(_own_name()).exists():
        LocalCluster.attach(_own_name()).stop()


@pytest.fixture(scope="session")
def cluster_name(request: pytest.FixtureRequest) -> str:
    """Returns the name of this run's cluster, which the first test that needs it brings up."""
    worker: dict[str, str] = getattr(request.config, "workerinput", {})
    return worker.get(CLUSTER) or _own_name()


def _own_name() -> str:
    return f"test-{os.getpid()}"
