"""A service that a test has started."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k8sdataservice import replicas
from k8sdataservice.default_client import default_client
from k8sdataservice.endpoints import Endpoints, endpoints
from k8sdataservice.exceptions import DataServiceError, DataServiceTimeoutError
from k8sdataservice.target import invalid

if TYPE_CHECKING:
    from k8sdataservice._core import Client, Status

#: How often something is looked at, in seconds.
_PAUSE = 0.02

#: How long the end of a process may take to be noticed, in seconds.
_NOTICE = 10.0

_FAILED = ("Failed", "RetryableFailed")


class Service:
    """A service that a test has started.

    Attributes:
        name: Its name.
        namespace: The namespace that it lives in.
    """

    def __init__(self, name: str, namespace: str, wire: dict[str, Any], client: Client, is_local: bool) -> None:
        """Describes a service that exists; the fixture makes it.

        Args:
            name: Its name.
            namespace: Its namespace.
            wire: The wire form of its configuration.
            client: Holds it.
            is_local: Whether its replicas are processes of this machine.
        """
        self.name = name
        self.namespace = namespace
        self._wire = wire
        self._cluster: str | None = wire.get("Cluster")
        self._client: Client | None = client
        self._is_local = is_local

    def __repr__(self) -> str:
        """Returns its name and its namespace."""
        return f"Service({self.name!r}, namespace={self.namespace!r})"

    @property
    def status(self) -> Status:
        """How it is doing."""
        return default_client().get_sync(self.name, namespace=self.namespace, cluster=self._cluster)

    @property
    def endpoints(self) -> Endpoints:
        """Where its replicas are.

        Raises:
            NotFoundError: That is not known of all of them yet.
        """
        return endpoints(self.name, _Declared(self._wire), namespace=self.namespace)

    @property
    def addresses(self) -> list[str]:
        """Each replica as ``host:port``: of this machine, or on a cluster the stable name."""
        return self.endpoints.addresses

    def wait(self, for_: str = "Ready", timeout: float = 60.0) -> Service:
        """Waits until the service has a phase or a reason.

        Args:
            for_: The phase or the reason, as docs/reasons.md has them.
            timeout: For how many seconds to wait.

        Raises:
            DataServiceTimeoutError: It does not have it in time.
            DataServiceError: It has failed instead.
        """
        end = time.monotonic() + timeout
        while True:
            status = self.status
            if for_ in (status.phase, status.reason):
                return self
            if status.phase in _FAILED:
                raise self._error(DataServiceError, f"has failed ({status.reason}): {status.message}")
            if time.monotonic() > end:
                words = f"is not {for_} after {timeout:g} s, but {status.phase} ({status.reason}): {status.message}"
                raise self._error(DataServiceTimeoutError, words)
            time.sleep(_PAUSE)

    def kill(self, ordinal: int = 0) -> None:
        """Kills a replica, as SIGKILL does, and returns when that was noticed, so that ``wait`` waits for its return.

        Raises:
            DataServiceError: It has no such replica, the replica does not run, or the service is on a cluster.
        """
        pod = self._pod(ordinal)
        process = replicas.main_process(pod)
        if process is None:
            raise self._error(DataServiceError, f"has a replica {ordinal} that does not run.")
        runs = _runs(pod)
        os.kill(process, signal.SIGKILL)

        def is_noticed() -> bool:
            now = next((each for each in self._pods() if replicas.ordinal(each) == ordinal), None)
            if now is None or _runs(now) == runs:
                return False
            # The service follows its replica: either it is seen to have lost it, or the replica is back already.
            return self.status.phase != "Ready" or _is_ready(now)

        self._until(is_noticed, f"has not noticed the end of replica {ordinal}")

    def logs(self, ordinal: int | None = None) -> str:
        """Returns what a replica, or each of them, has written since it was last started.

        Args:
            ordinal: The replica. Default: all, with the name of the pod before each line.

        Raises:
            DataServiceError: It has no such replica, or the service is on a cluster.
        """
        if ordinal is not None:
            return self._log(self._pod(ordinal))
        lines = [(pod["metadata"]["name"], line) for pod in self._pods() for line in self._log(pod).splitlines()]
        return "".join(f"{name}: {line}\n" for name, line in lines)

    def delete(self, timeout: float = 30.0) -> None:
        """Deletes the service, and returns when its objects are gone.

        Raises:
            DataServiceError: It cannot be deleted.
        """
        default_client().delete_sync(
            self.name, namespace=self.namespace, cluster=self._cluster, force=True, timeout=timeout
        )

    def let_go(self) -> None:
        """Holds it no more."""
        self._client = None

    def _until(self, is_so: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + _NOTICE
        while not is_so():
            if time.monotonic() > end:
                raise self._error(DataServiceTimeoutError, f"{otherwise} after {_NOTICE:g} s.")
            time.sleep(_PAUSE)

    def _pod(self, ordinal: int) -> dict[str, Any]:
        pods = self._pods()
        for pod in pods:
            if replicas.ordinal(pod) == ordinal:
                return pod
        raise invalid("ordinal", f"ordinal is {ordinal}, but data service {self.name} has {len(pods)} replicas.")

    def _pods(self) -> list[dict[str, Any]]:
        return self._cluster_here().of(self.name, self.namespace)

    def _log(self, pod: dict[str, Any]) -> str:
        return self._cluster_here().log(pod, replicas.main_container(pod))

    def _cluster_here(self) -> replicas.Pods:
        from k8sdataservice._core import local_cluster

        if not self._is_local:
            raise self._error(DataServiceError, f"is on a cluster: use `kubectl --namespace {self.namespace}`.")
        socket = local_cluster()
        if socket is None:
            raise self._error(DataServiceError, "has ended with its test.")
        return replicas.Pods(Path(socket))

    def _error(self, kind: type[DataServiceError], words: str) -> DataServiceError:
        error = kind(f"Data service {self.name} {words}")
        error.name, error.namespace = self.name, self.namespace
        return error


class _Declared:
    """A configuration in its wire form."""

    def __init__(self, wire: dict[str, Any]) -> None:
        self._wire = wire

    def to_wire(self) -> dict[str, Any]:
        return dict(self._wire)


def _runs(pod: dict[str, Any]) -> tuple[str, int, bool]:
    """Returns which run of a replica its pod reports, and whether it goes on."""
    name = replicas.main_container(pod)
    for container in pod.get("status", {}).get("containerStatuses") or []:
        if container["name"] == name:
            return pod["metadata"]["uid"], container["restartCount"], "running" in container.get("state", {})
    return pod["metadata"]["uid"], 0, False


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
