"""Services on a real cluster are seen as in memory and on processes of a machine (tests/unit/test_scenarios.py)."""

from __future__ import annotations

import time

import pytest
from k8sdataservice._core import Status
from k8sdataservice.default_client import new_client
from scenarios.play import NAME, Scenario, play
from scenarios.table import SCENARIOS

from cluster.support.kubernetes import Kubernetes


class RealCluster:
    """A namespace of a real cluster."""

    patience = 60.0

    def __init__(self, kubernetes: Kubernetes) -> None:
        """Connects to it."""
        self.client = new_client()
        self.namespace = kubernetes.namespace

    def pods_will(self, cause: str, log: str) -> None:
        """Does nothing: they really do it."""

    def status(self) -> Status:
        """Returns how the service is doing."""
        return self.client.get_sync(NAME, namespace=self.namespace)

    def let_time_pass(self) -> None:
        """Waits a moment."""
        time.sleep(0.1)


@pytest.mark.usefixtures("real_pods")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
def test_a_service_is_seen_as_in_memory_and_on_processes(
    scenario: Scenario, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The account of the tests may do everything, as this process may on its own local cluster.
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    monkeypatch.setenv("K8SDATASERVICE_GRACE_PERIODS", scenario.grace_periods)
    kubernetes.apply(*scenario.objects)
    assert play(scenario, RealCluster(kubernetes)) == scenario.expected
