"""The cluster that is measured on: the one that was given, or a local one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcluster import LocalCluster, LocalClusterError

from bench import kubeconfig
from bench.errors import BenchError
from bench.progress import Progress
from bench.raw_api import NAMESPACE, RawApi

GIVEN = "KUBECONFIG_UNDER_TEST"
LOCAL_NAME = "bench"


@dataclass(frozen=True)
class Cluster:
    """A cluster that takes services."""

    kubeconfig: Path
    kubectl: Path
    api: RawApi
    description: str


@contextmanager
def use_cluster(progress: Progress) -> Iterator[Cluster]:
    """Uses the cluster of KUBECONFIG_UNDER_TEST, else a local one, which is taken down again unless it was up already.

    Raises:
        BenchError: There is no cluster that can be used.
    """
    given = os.environ.get(GIVEN)
    if given:
        kubectl = shutil.which("kubectl")
        if kubectl is None:
            raise BenchError(f"With {GIVEN} the benchmark needs kubectl on the PATH; there is none.")
        yield _checked(Path(given).absolute(), Path(kubectl), f"the cluster of {GIVEN}")
        return
    try:
        was_up = _is_up()
        local = LocalCluster.start(LOCAL_NAME, progress)
    except LocalClusterError as error:
        raise BenchError(f"No local cluster could be brought up. {error}") from error
    try:
        pods = "real pods" if local.runs_real_pods else f"pods that only turn Ready, since {local.why_no_real_pods}"
        yield _checked(local.kubeconfig, local.kubectl_program, f"a local cluster with {pods}")
    finally:
        if not was_up:
            progress("taking the local cluster down")
            local.stop()


def _is_up() -> bool:
    try:
        LocalCluster.attach(LOCAL_NAME)
    except LocalClusterError:
        return False
    return True


def _checked(path: Path, kubectl: Path, where: str) -> Cluster:
    api = RawApi(kubeconfig.read(path))
    version = api.get("/version")["gitVersion"]
    if api.request("GET", f"/api/v1/namespaces/{NAMESPACE}")[0] != 200:
        raise BenchError(
            f"The cluster has no namespace {NAMESPACE}, where the peer makes all its services. Make it with "
            f"`kubectl create namespace {NAMESPACE}`."
        )
    return Cluster(kubeconfig=path, kubectl=kubectl, api=api, description=f"Kubernetes {version}, {where}")
