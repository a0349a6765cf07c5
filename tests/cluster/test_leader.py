"""One leader among several connectors, which ends the services of a namespace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from cluster.support.account import allow
from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import nothing
from cluster.support.runs import SUCCEEDED, begin, define_runs, runs_shown

LEASE = "k8sdataservice-reaper"

#: How long the Lease lasts, and how long another connector may take to notice its end, in seconds.
DURATION, NOTICES = 15, 5


@pytest.fixture
def runs(kubernetes: Kubernetes) -> Iterator[None]:
    """Shows runs to the connectors of the namespace."""
    define_runs(kubernetes)
    with runs_shown(kubernetes):
        yield


def leader(kubernetes: Kubernetes) -> str | None:
    """Returns the host of the connector that leads."""
    lease = kubernetes.get("lease", LEASE)
    return str(lease["spec"]["holderIdentity"]).partition("_")[0] if lease else None


def leads(connector: Connector, kubernetes: Kubernetes) -> list[float]:
    """Returns the metric of the namespace's leader."""
    samples = connector.metrics().samples.items()
    return [
        value
        for (name, labels), value in samples
        if name.endswith("_leader") and dict(labels).get("namespace") == kubernetes.namespace
    ]


@pytest.mark.long
@pytest.mark.usefixtures("runs")
def test_one_connector_leads_and_another_takes_over_when_it_is_killed(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    for verb in ("get", "create", "patch"):
        allow(kubernetes, verb, "leases")
    first = start_connector(HOSTNAME="first")
    run = begin(kubernetes)
    resource_meta = first.create(config("foo", Replicas=0, Lifetime="run"), run.execution)
    wait_until(lambda: leader(kubernetes) == "first", "the first connector to lead", 10)
    wait_until(lambda: leads(first, kubernetes) == [1.0], "the metric", 10)
    second = start_connector(HOSTNAME="second")
    second.get(resource_meta)
    time.sleep(DURATION + NOTICES)
    assert leader(kubernetes) == "first", "it renews its Lease"
    assert leads(second, kubernetes) == [0.0]
    first.kill()
    run.end(SUCCEEDED)
    wait_until(lambda: kubernetes.services() == nothing(), "the service to be gone", DURATION + 2 * NOTICES)
    lease = kubernetes.get("lease", LEASE)
    assert lease and leader(kubernetes) == "second" and lease["spec"]["leaseTransitions"] == 1


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("permitted", [(), ("get",), ("get", "create")], ids=["nothing", "get", "get-create"])
def test_a_connector_without_a_permission_for_the_lease_ends_services_all_the_same(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, permitted: tuple[str, ...]
) -> None:
    for verb in permitted:
        allow(kubernetes, verb, "leases")
    connector, run = start_connector(), begin(kubernetes)
    connector.create(config("foo", Replicas=0, Lifetime="run"), run.execution)
    # The Lease would be renewed once by then.
    time.sleep(7 if permitted else 1)
    run.end(SUCCEEDED)
    wait_until(lambda: kubernetes.services() == nothing(), "the service to be gone", 15)
    assert (leader(kubernetes) is None) == ("create" not in permitted)


@pytest.mark.usefixtures("runs")
def test_no_lease_is_made_where_every_service_persists(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    for verb in ("get", "create", "patch"):
        allow(kubernetes, verb, "leases")
    connector = start_connector()
    connector.get(connector.create(config("foo", Replicas=0)))
    time.sleep(2 * NOTICES)
    assert leader(kubernetes) is None
