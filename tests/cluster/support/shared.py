"""The objects that a run of the tests creates once: the cluster, and a connector for each setting."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.support.account import give_role, kubeconfig_of_account
from cluster.support.api import ApiError, path
from cluster.support.connector import Connector, environment
from cluster.support.kubernetes import Kubernetes

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


class Connectors:
    """The connectors of one run: one for each setting, however many tests want it."""

    def __init__(self, kubernetes: Kubernetes, folder: Path) -> None:
        """Makes the account that they work under.

        Args:
            kubernetes: A namespace of their own.
            folder: Where their logs go.
        """
        self.namespace = kubernetes.namespace
        self._folder = folder
        self._running: dict[frozenset[tuple[str, str]], Connector] = {}
        give_role(kubernetes)
        self._environment = environment(kubeconfig_of_account(kubernetes, folder), kubernetes.namespace)

    def get(self, settings: str | None = None, **variables: str) -> Connector:
        """Returns the connector with these variables in its environment, and this text in its file of settings."""
        if settings is not None:
            file = self._folder / f"{hashlib.sha256(settings.encode()).hexdigest()[:12]}.yaml"
            file.write_text(settings)
            variables["K8SDATASERVICE_SETTINGS"] = str(file)
        key = frozenset(variables.items())
        if key not in self._running:
            log = self._folder / f"connector-{len(self._running)}.log"
            self._running[key] = Connector(self._environment | variables, log)
        return self._running[key]

    def stop(self) -> None:
        """Ends all of them."""
        for connector in self._running.values():
            connector.stop()


class Cleaner:
    """Takes the namespaces of finished tests away while the next ones run."""

    def __init__(self) -> None:
        """Starts with nothing to do."""
        self._pool = ThreadPoolExecutor(2)
        self._tasks: list[Future[None]] = []

    def take_away(self, kubernetes: Kubernetes) -> None:
        """Deletes a namespace and all that is in it."""
        self._tasks.append(self._pool.submit(self._delete, kubernetes))

    @staticmethod
    def _delete(kubernetes: Kubernetes) -> None:
        # At once, since the node has room for few pods, and other tests want theirs.
        with suppress(ApiError):
            kubernetes.request("DELETE", path("statefulsets", kubernetes.namespace))
            kubernetes.request("DELETE", path("pods", kubernetes.namespace), gracePeriodSeconds="0")
        kubernetes.delete_namespace()

    def finish(self) -> None:
        """Waits until everything is being deleted, and fails if something could not be."""
        self._pool.shutdown()
        for task in self._tasks:
            task.result()
