"""A way to the API server on which answers take their time, and which can be cut."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster.support.kubernetes import Kubernetes


class Proxy:
    """Passes bytes on between a port on loopback and the API server, and holds back what comes from the server."""

    def __init__(self, kubernetes: Kubernetes, delay: float = 0.0) -> None:
        """Starts to listen.

        Args:
            kubernetes: The cluster behind it.
            delay: How long each piece of an answer is held back, in seconds.
        """
        self._config: dict[str, Any] = json.loads(
            kubernetes.run("config", "view", "--raw", "--flatten", "--output", "json")
        )
        server = urllib.parse.urlsplit(self._config["clusters"][0]["cluster"]["server"])
        assert server.hostname
        self._behind = (server.hostname, server.port or 443)
        self._delay = delay
        self._is_cut = False
        #: How many bytes clients have sent.
        self.sent = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def kubeconfig(self, folder: Path) -> Path:
        """Writes the kubeconfig of a client that goes this way."""
        cluster = self._config["clusters"][0]["cluster"]
        cluster["server"] = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        cluster["tls-server-name"] = self._behind[0]
        path = folder / "proxy-kubeconfig"
        path.write_text(json.dumps(self._config))
        return path

    def cut(self) -> None:
        """Breaks every connection, and each new one."""
        self._is_cut = True
        for side in self._open:
            _hang_up(side)
        self._open.clear()

    def mend(self) -> None:
        """Takes connections again."""
        self._is_cut = False

    def close(self) -> None:
        """Ends for good."""
        self.cut()
        self._listener.close()

    def _count(self, size: int) -> None:
        self.sent += size

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                client.close()
                continue
            server = socket.create_connection(self._behind)
            self._open += [client, server]
            threading.Thread(target=_pass_on, args=(client, server, 0.0, self._count), daemon=True).start()
            threading.Thread(target=_pass_on, args=(server, client, self._delay), daemon=True).start()


def _pass_on(
    source: socket.socket, target: socket.socket, delay: float, count: Callable[[int], None] = lambda _: None
) -> None:
    try:
        while piece := source.recv(65536):
            count(len(piece))
            time.sleep(delay)
            target.sendall(piece)
    except OSError:
        pass  # One side has hung up, and so does the other.
    finally:
        _hang_up(source)
        _hang_up(target)


def _hang_up(side: socket.socket) -> None:
    with contextlib.suppress(OSError):  # It may have hung up itself.
        side.shutdown(socket.SHUT_RDWR)
