"""The replicas of local mode, as another program sees them.

Their pods and logs are behind the socket of their cluster, and their processes in ``/proc``.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from k8sdataservice.exceptions import DataServiceError

#: The process that started a process: where its number is valid, the number, and more.
_OWNER = "K8SDATASERVICE_LOCAL_OWNER"

#: The container that a process belongs to: its owner, the uid of the pod and the name of the container.
_CONTAINER = "K8SDATASERVICE_LOCAL_CONTAINER"

_PROCESSES = Path("/proc")

#: How long an answer may take, in seconds.
_PATIENCE = 10.0


class _Connection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("local", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Pods:
    """The pods of a local cluster.

    Args:
        path: The socket of the cluster's API server.
    """

    def __init__(self, path: Path) -> None:
        """Connects to nothing yet."""
        self._path = path

    def all(self, kind: str = "pods", *, namespace: str | None = None) -> list[dict[str, Any]]:
        """Returns all objects of a kind of the core API, in Kubernetes's own words.

        Args:
            kind: The plural of the kind.
            namespace: The namespace. Default: all.
        """
        place = f"/namespaces/{quote(namespace)}" if namespace else ""
        items: list[dict[str, Any]] = json.loads(self._ask(f"/api/v1{place}/{kind}"))["items"]
        return items

    def of(self, service: str, namespace: str) -> list[dict[str, Any]]:
        """Returns the pods of a service, the first one first."""
        pods = [pod for pod in self.all(namespace=namespace) if _is_of(service, pod)]
        return sorted(pods, key=ordinal)

    def log(self, pod: dict[str, Any], container: str, *, previous: bool = False, lines: int | None = None) -> str:
        """Returns what a container has written; nothing if it has not started.

        Args:
            pod: The pod.
            container: The name of the container.
            previous: Whether its run before the last one is meant.
            lines: How many lines at most, from the end. Default: all.
        """
        wanted = {"container": container} | ({"previous": "true"} if previous else {})
        query = urlencode(wanted | ({} if lines is None else {"tailLines": str(lines)}))
        where, name = (quote(pod["metadata"][key]) for key in ("namespace", "name"))
        try:
            return self._ask(f"/api/v1/namespaces/{where}/pods/{name}/log?{query}")
        except LookupError:
            return ""

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Deletes an object of the core API, unless it is gone.

        Args:
            kind: The plural of its kind.
            namespace: Its namespace.
            name: Its name.
        """
        with suppress(LookupError):
            self._ask(f"/api/v1/namespaces/{quote(namespace)}/{kind}/{quote(name)}", "DELETE")

    def _ask(self, path: str, method: str = "GET") -> str:
        connection = _Connection(self._path)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
        except (OSError, HTTPException) as problem:
            raise DataServiceError(
                f"The local cluster at {self._path} does not answer: {problem}. It ends with the process that started "
                "it."
            ) from problem
        finally:
            connection.close()
        if answer.status >= 300:
            raise LookupError(f"{path} is answered with {answer.status}: {body}")
        return body


def ordinal(pod: dict[str, Any]) -> int:
    """Returns the number of a pod of a StatefulSet."""
    return int(str(pod["metadata"]["name"]).rpartition("-")[2])


def main_container(pod: dict[str, Any]) -> str:
    """Returns the name of the container of the service itself."""
    name: str = pod["spec"]["containers"][0]["name"]
    return name


def main_process(pod: dict[str, Any]) -> int | None:
    """Returns the number of the process that the container of the service itself is; None while it does not run.

    Raises:
        DataServiceError: This system has no ``/proc``.
    """
    _check()
    ending = f"/{pod['metadata']['uid']}/{main_container(pod)}"
    found = [each for each, marker in _marked(_CONTAINER) if marker.endswith(ending)]
    # A probe has the marker, too, and a child of the container as well. The container has begun before them.
    return min(found, key=_began, default=None)


def processes_of(owner: int) -> list[int]:
    """Returns the numbers of all processes that run for the local cluster of a process.

    Raises:
        DataServiceError: This system has no ``/proc``.
    """
    _check()
    return [each for each, marker in _marked(_OWNER) if marker.split(".")[1:2] == [str(owner)]]


def _is_of(service: str, pod: dict[str, Any]) -> bool:
    name, _, number = str(pod["metadata"]["name"]).rpartition("-")
    return name == service and number.isdecimal()


def _check() -> None:
    if not _PROCESSES.is_dir():
        raise DataServiceError("The processes of replicas are found in /proc, which this system does not have.")


def _marked(variable: str) -> list[tuple[int, str]]:
    """Returns each process of this user that has the variable in its environment, and its value."""
    found, prefix = [], f"{variable}=".encode()
    for folder in _PROCESSES.iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            entries = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            # Somebody else's, or it has ended meanwhile.
            continue
        values = [entry.removeprefix(prefix) for entry in entries if entry.startswith(prefix)]
        found += [(int(folder.name), value.decode(errors="replace")) for value in values[:1]]
    return found


def _began(process: int) -> tuple[int, int]:
    try:
        stat = (_PROCESSES / str(process) / "stat").read_text(errors="replace")
    except OSError:
        # It has ended meanwhile.
        return sys.maxsize, process
    # The second field is the program's name in parentheses, which may have anything in it.
    return int(stat.rpartition(")")[2].split()[19]), process
