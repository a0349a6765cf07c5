"""The steps of ``demo``, and the proof that nothing is left of them."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from k8sdataservice import local, replicas, settings
from k8sdataservice.default_client import default_client
from k8sdataservice.endpoints import endpoints
from k8sdataservice.exceptions import DataServiceError

_NAME = "demo"
_REPLICAS = 2
_PORT = 40000

#: How long each step may take, in seconds.
_PATIENCE = 20.0

#: How often a step looks, in seconds.
_PAUSE = 0.02

#: Writes the page of a replica into the volume that it serves.
_WRITE = """
import os, pathlib
page = pathlib.Path(os.environ["K8SDATASERVICE_VOLUME_WWW"], "index.html")
page.write_text("hello from " + os.environ["HOSTNAME"])
"""

_VOLUME = {"name": "www", "mountPath": "/www"}


class Say(Protocol):
    """Reports a step."""

    def __call__(self, words: str, style: str = "") -> None:
        """Reports it in a style of rich."""


class Performance:
    """A service from its creation to its end.

    Args:
        say: Reports each step.
    """

    def __init__(self, say: Say) -> None:
        """Starts nothing yet."""
        self._say = say
        self._addresses: list[str] = []
        self._processes: set[int] = set()
        self._socket: Path | None = None

    def run(self) -> None:
        """Carries out all steps.

        Raises:
            DataServiceError: One of them did not go as it should.
        """
        from k8sdataservice._core import local_cluster

        local.switch_on()
        self._say("Local mode is on: replicas are processes of this machine, and end with this program.", "bold")
        default_client().create_sync(
            _config(), namespace=_namespace(), owner="demo", execution="the demonstration of `dataservice demo`"
        )
        self._socket = local_cluster()
        self._say(f"Data service {_NAME} is created: {_REPLICAS} replicas of {' '.join(_command())}.")
        self._until_ready()
        self._read()
        self._kill(0)
        self._delete()

    def _until_ready(self) -> None:
        told = ""

        def is_ready() -> bool:
            nonlocal told
            status = default_client().get_sync(_NAME, namespace=_namespace())
            if status.message != told:
                told = status.message
                self._say(told, "dim")
            if status.phase not in ("Failed", "RetryableFailed"):
                return status.phase == "Ready"
            raise DataServiceError(f"The service has failed: {status.message}")

        _wait(is_ready, "The service is not ready")
        self._processes |= set(self._owned())

    def _read(self) -> None:
        found = endpoints(_NAME)
        self._addresses = found.addresses
        if len(self._addresses) != _REPLICAS:
            raise DataServiceError(f"{len(self._addresses)} of {_REPLICAS} replicas have an address.")
        for number, address in enumerate(self._addresses):
            page = _page(address)
            if page != f"hello from {_NAME}-{number}":
                raise DataServiceError(f"http://{address}/ answers {page!r}.")
            self._say(f'{found.hostnames[number]} is http://{address}/ here, and answers "{page}".', "cyan")

    def _kill(self, number: int) -> None:
        killed = self._process(number)
        if killed is None:
            raise DataServiceError(f"The process of {_NAME}-{number} is not found.")
        self._say(f"$ kill -KILL {killed}, which is {_NAME}-{number}.", "bold")
        os.kill(killed, signal.SIGKILL)

        def is_back() -> bool:
            return self._process(number) not in (None, killed)

        _wait(is_back, f"{_NAME}-{number} does not come back")
        self._say(f"{_NAME}-{number} is process {self._process(number)} now.")
        self._until_ready()
        address = self._addresses[number]
        # Until the end of the process is reported, the service is as ready as it was.
        _wait(lambda: _listens(address), f"Nothing listens at {address}")
        self._say(f'http://{address}/ answers "{_page(address)}" again.', "cyan")

    def _delete(self) -> None:
        deletion = default_client().delete_sync(_NAME, namespace=_namespace(), timeout=_PATIENCE)
        if deletion.outcome != "Gone":
            raise DataServiceError(f"Data service {_NAME} is not deleted: {deletion.outcome}.")
        _wait(lambda: not self._owned(), "Processes of the service still run")
        self._say(f"Data service {_NAME} is deleted, and its processes have ended.", "bold")

    def _process(self, number: int) -> int | None:
        assert self._socket, "a cluster runs"  # noqa: S101
        pods = replicas.Pods(self._socket).of(_NAME, _namespace())
        return next((replicas.main_process(pod) for pod in pods if replicas.ordinal(pod) == number), None)

    def _owned(self) -> list[int]:
        return replicas.processes_of(os.getpid())

    def end(self) -> None:
        """Ends the cluster, and with it whatever of the service is left."""
        from k8sdataservice._core import stop_local_cluster

        default_client.cache_clear()
        stop_local_cluster()

    def prove(self) -> None:
        """Checks that nothing is left, without asking the cluster, which has ended.

        Raises:
            DataServiceError: Something is.
        """
        left = [f"process {each}" for each in sorted({*self._owned(), *filter(_runs, self._processes)})]
        left += [f"a server at {address}" for address in self._addresses if _listens(address)]
        left += [str(path) for path in self._paths() if path.exists()]
        if left:
            raise DataServiceError(f"Left behind: {', '.join(left)}.")
        self._say("Nothing is left: no process, no server at an address, no socket and no folder.", "bold green")

    def _paths(self) -> list[Path]:
        """Returns the paths that the cluster had: its socket, its lock and its folder."""
        assert self._socket, "a cluster ran"  # noqa: S101
        folders = {self._socket.parent, Path(os.environ.get("TMPDIR") or "/tmp") / f"k8sdataservice-{os.getuid()}"}  # noqa: S108
        return [path for folder in folders if folder.is_dir() for path in folder.glob(f"{self._socket.stem}*")]


def _namespace() -> str:
    return settings.namespace()


def _config() -> dict[str, Any]:
    image = "python:3.12-slim"
    return {
        "Name": _NAME,
        # An image cannot run here: what runs is the command.
        "Image": image,
        "Command": _command(),
        "Port": _PORT,
        "Replicas": _REPLICAS,
        "Env": {"POD_IP": {"fieldRef": {"fieldPath": "status.podIP"}}},
        "Volumes": [_VOLUME | {"emptyDir": {}}],
        "InitContainers": [
            {"name": "page", "image": image, "command": [sys.executable, "-c", _WRITE], "volumeMounts": [_VOLUME]}
        ],
        "ReadinessProbe": {"httpGet": {"path": "/", "port": _PORT}},
        "MinReadySeconds": 0,
    }


def _command() -> list[str]:
    # All replicas have this machine's network, so that each listens at its own address alone.
    server = [sys.executable, "-m", "http.server", "$(SERVER_PORT)"]
    return [*server, "--bind", "$(POD_IP)", "--directory", _VOLUME["mountPath"]]


def _wait(is_so: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not is_so():
        if time.monotonic() > end:
            raise DataServiceError(f"{otherwise} after {_PATIENCE:.0f} s.")
        time.sleep(_PAUSE)


def _page(address: str) -> str:
    # No proxy of the environment: the address is one of this machine.
    try:
        with build_opener(ProxyHandler({})).open(f"http://{address}/", timeout=_PATIENCE) as answer:
            page: str = answer.read().decode()
            return page
    except (URLError, OSError) as problem:
        raise DataServiceError(f"http://{address}/ does not answer: {problem}.") from problem


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((host, int(port))) == 0
