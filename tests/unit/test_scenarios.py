"""Services in memory and on processes are seen as on a real cluster, which tests/cluster/test_scenarios.py has."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from k8sdataservice._core import Client, Status, stop_local_cluster
from k8sdataservice.default_client import default_client, new_client
from k8sdataservice.testing.fake import FakeCluster
from scenarios.play import NAME, Scenario, play
from scenarios.table import SCENARIOS

pytestmark = pytest.mark.usefixtures("nobody_elses")

scenarios = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)


@pytest.fixture(autouse=True)
def _settings(nobody_elses: None, scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8SDATASERVICE_GRACE_PERIODS", scenario.grace_periods)
    default_client.cache_clear()


class Memory:
    """A fake cluster."""

    namespace = "flyte"
    patience = 30.0

    def __init__(self, cluster: FakeCluster) -> None:
        """Connects to it."""
        self.client = new_client()
        self._cluster = cluster

    def pods_will(self, cause: str, log: str) -> None:
        """Says what becomes of the pods."""
        self._cluster.will(cause, log=log)

    def status(self) -> Status:
        """Returns how the service is doing."""
        return self._cluster.look(NAME, self.namespace)

    def let_time_pass(self) -> None:
        """Lets a second pass at once."""
        self._cluster.advance(1)


class Processes:
    """The local cluster of this process."""

    namespace = "flyte"
    patience = 30.0

    def __init__(self) -> None:
        """Starts nothing yet."""
        self.client: Client = new_client()

    def pods_will(self, cause: str, log: str) -> None:
        """Does nothing: they really do it."""

    def status(self) -> Status:
        """Returns how the service is doing."""
        return self.client.get_sync(NAME, namespace=self.namespace)

    def let_time_pass(self) -> None:
        """Waits a moment."""
        time.sleep(0.02)


@pytest.fixture
def processes(scenario: Scenario, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Processes]:
    """Returns the local cluster of this process, with the objects of a scenario."""
    if sys.platform != "linux":
        pytest.skip("local mode is tested on Linux")
    files = []
    for number, each in enumerate(scenario.objects):
        files.append(tmp_path / f"{number}.json")
        placed = each | {"metadata": each["metadata"] | {"namespace": Processes.namespace}}
        files[-1].write_text(json.dumps(placed))
    monkeypatch.setenv("K8SDATASERVICE_LOCAL", "processes")
    monkeypatch.setenv("K8SDATASERVICE_LOCAL_OBJECTS", ":".join(map(str, files)))
    yield Processes()
    stop_local_cluster()


@scenarios
def test_in_memory_a_service_is_seen_as_on_a_cluster(scenario: Scenario, fake_cluster: FakeCluster) -> None:
    assert play(scenario, Memory(fake_cluster)) == scenario.expected


@scenarios
def test_on_processes_a_service_is_seen_as_on_a_cluster(scenario: Scenario, processes: Processes) -> None:
    expected = scenario.expected
    if scenario.of_processes:
        expected = dataclasses.replace(expected, message=scenario.of_processes)
        scenario = dataclasses.replace(scenario, expected=expected)
    assert play(scenario, processes) == expected
