"""Connectors that may not see runs, or may only read them: each verb of examples/rbac-lifetime.yaml."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from cluster.support.configs import config
from cluster.support.connector import Connector, name_of
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import nothing
from cluster.support.runs import SUCCEEDED, begin, define_runs, runs_shown

#: How often a connector looks at a service whose runs it may not watch, and how soon at others, in seconds.
SLOWLY, SOON = 60.0, 15.0


@pytest.fixture(autouse=True)
def _runs(kubernetes: Kubernetes) -> None:
    define_runs(kubernetes)


def test_without_them_services_stay_as_before_and_the_log_says_so_once(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    connector, run = start_connector(), begin(kubernetes)
    names = [name_of(connector.create(config(None, Replicas=0), run.execution)) for _ in range(3)]
    # What does not depend on a run ends all the same.
    short = connector.create(config("short", Replicas=0, Lifetime={"bound": "run", "ttl": "3s"}), run.execution)
    connector.get(short)
    run.end(SUCCEEDED)
    time.sleep(SOON)
    assert set(kubernetes.names("statefulsets")) == set(names)
    log = connector.log.read_text()
    assert log.count("does not end with its run") == 1, log
    assert "examples/rbac-lifetime.yaml" in log


def test_a_task_that_uses_a_service_learns_that_its_run_cannot_be_seen(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    with runs_shown(kubernetes):
        maker = start_connector()
        run = begin(kubernetes)
        maker.create(config("foo", Replicas=0, Lifetime="run"), run.execution)
        maker.create(config("stays", Replicas=0), run.execution)
        maker.stop()
    connector = start_connector()
    user = begin(kubernetes)
    connector.create({"ExistingReleaseName": "stays"}, user.execution)
    for _ in range(2):
        connector.create({"ExistingReleaseName": "foo"}, user.execution)
    log = connector.log.read_text()
    assert "Data service stays may end" not in log, log
    assert log.count("Data service foo may end while this run uses it, since the run cannot be seen: ") == 1, log
    assert "examples/rbac-lifetime.yaml" in log


@pytest.mark.long
@pytest.mark.parametrize("missing", ["list", "watch"])
def test_without_a_watch_the_end_of_a_run_is_noticed_later(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, missing: str
) -> None:
    with runs_shown(kubernetes, without=(missing,)):
        connector, run = start_connector(), begin(kubernetes)
        connector.create(config(None, Replicas=0), run.execution)
        # The first look is at once, and finds that the run goes on.
        time.sleep(SOON)
        run.end(SUCCEEDED)
        end = time.monotonic() + SOON
        while time.monotonic() < end:
            assert kubernetes.services() != nothing()
            time.sleep(0.5)
        wait_until(lambda: kubernetes.services() == nothing(), "the service to be gone", SLOWLY + SOON)
