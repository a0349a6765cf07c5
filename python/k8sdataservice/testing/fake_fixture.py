"""What the fixture of the fake cluster does around a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from k8sdataservice.default_client import default_client
from k8sdataservice.local import PROCESSES, VARIABLE
from k8sdataservice.testing.fake import FakeCluster


@contextmanager
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    """Runs a cluster in memory, which everything in this process uses instead of a real one, until the end of a block.

    Args:
        monkeypatch: Sets its environment.
    """
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
