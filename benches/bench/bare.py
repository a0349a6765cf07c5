"""A cluster in which nothing happens but what the benchmark writes: an API server and etcd, without controllers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from localcluster import LocalCluster, LocalClusterError

from bench import kubeconfig
from bench.copies import Etcd
from bench.errors import BenchError
from bench.progress import Progress
from bench.raw_api import RawApi

_NAME = "bench-bare"


@dataclass(frozen=True)
class BareCluster:
    """How to reach it."""

    kubeconfig: Path
    api: RawApi
    etcd: Etcd


@contextmanager
def bare_cluster(progress: Progress) -> Iterator[BareCluster]:
    """Brings one up, and takes it down with all that was written.

    Raises:
        BenchError: It does not come up.
    """
    with suppress(LocalClusterError):
        # One that a killed run has left is full of what that has written.
        LocalCluster.attach(_NAME).stop()
    try:
        local = LocalCluster.start(_NAME, progress, bare=True)
    except LocalClusterError as error:
        raise BenchError(f"No API server could be brought up. {error}") from error
    try:
        yield BareCluster(local.kubeconfig, RawApi(kubeconfig.read(local.kubeconfig)), Etcd(local.etcd))
    finally:
        progress("taking the API server down")
        local.stop()
