"""The fixture of the fake cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from k8sdataservice.default_client import default_client
from k8sdataservice.local import PROCESSES, VARIABLE
from k8sdataservice.testing.fake import FakeCluster


@pytest.fixture
def fake_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    """A cluster in memory for one test, which everything in this process uses instead of a real one."""
    from k8sdataservice._core import FakeCluster as Core

    core = Core.start()
    monkeypatch.setenv(VARIABLE, PROCESSES)
    monkeypatch.setenv(f"{VARIABLE}_SOCKET", str(core.socket))
    default_client.cache_clear()
    cluster = FakeCluster(core)
    try:
        yield cluster
    finally:
        # Its watches end with it, and miss nothing when the cluster ends.
        default_client.cache_clear()
        cluster.close()
