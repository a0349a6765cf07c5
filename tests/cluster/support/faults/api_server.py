"""The API server without anything in between, for the proxy and for what the tests look at."""

from __future__ import annotations

import base64
import http.client
import json
import queue
import ssl
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.support.kubernetes import Kubernetes, Object

#: How long an answer may take, in seconds: longer than a watch, which the API server ends after a minute.
_PATIENCE = 120.0

#: How long a connection may be idle, in seconds. The API server hangs up after 90.
_IDLE = 30.0


@dataclass(frozen=True)
class Answer:
    """An answer of the API server."""

    code: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def content(self) -> Any:
        """Returns the body, read as JSON."""
        return json.loads(self.body)


class ApiServer:
    """A pool of connections, with the credentials of the cluster's kubeconfig."""

    def __init__(self, kubernetes: Kubernetes, folder: Path) -> None:
        """Reads the kubeconfig.

        Args:
            kubernetes: The cluster.
            folder: Where the client's certificate is kept, since Python takes it from files only.
        """
        self.config: dict[str, Any] = json.loads(
            kubernetes.run("config", "view", "--raw", "--flatten", "--output", "json")
        )
        cluster, user = self.config["clusters"][0]["cluster"], self.config["users"][0]["user"]
        place = urllib.parse.urlsplit(cluster["server"])
        assert place.hostname
        self._place = (place.hostname, place.port or 443)
        self._context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
        # Go's API server and Python disagree about which extensions an authority must have.
        self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        if "client-certificate-data" in user:
            both = folder / "client.pem"
            both.touch(mode=0o600)
            both.write_text(_decoded(user["client-certificate-data"]) + "\n" + _decoded(user["client-key-data"]))
            self._context.load_cert_chain(both)
        self._idle: queue.LifoQueue[tuple[float, http.client.HTTPSConnection]] = queue.LifoQueue()

    def send(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Sends a request, and reads its answer to the end."""
        connection = self.borrow()
        response = self.begin(connection, method, target, headers, body)
        answer = Answer(response.status, response.getheaders(), response.read())
        self._idle.put((time.monotonic(), connection))
        return answer

    def begin(
        self, connection: http.client.HTTPSConnection, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> http.client.HTTPResponse:
        """Sends a request, whose answer the caller reads."""
        connection.request(method, target, body, headers | self._headers)
        return connection.getresponse()

    def borrow(self) -> http.client.HTTPSConnection:
        """Returns a connection that is idle, or a new one."""
        try:
            since, connection = self._idle.get_nowait()
        except queue.Empty:
            since, connection = 0.0, None
        if connection and time.monotonic() - since < _IDLE:
            return connection
        return http.client.HTTPSConnection(*self._place, context=self._context, timeout=_PATIENCE)

    def get(self, target: str) -> Any:
        """Reads something that has to be there."""
        answer = self.send("GET", target, {}, b"")
        assert answer.code == 200, f"GET {target}: {answer.code} {answer.body!r}"
        return answer.content

    def post(self, target: str, content: Object) -> Any:
        """Makes an object."""
        answer = self.send("POST", target, {"Content-Type": "application/json"}, json.dumps(content).encode())
        assert answer.code == 201, f"POST {target}: {answer.code} {answer.body!r}"
        return answer.content

    def patch(self, target: str, content: Object) -> Any:
        """Changes an object."""
        headers = {"Content-Type": "application/merge-patch+json"}
        answer = self.send("PATCH", target, headers, json.dumps(content).encode())
        assert answer.code == 200, f"PATCH {target}: {answer.code} {answer.body!r}"
        return answer.content

    def delete(self, target: str) -> None:
        """Deletes an object, which need not be there."""
        answer = self.send("DELETE", target, {}, b"")
        assert answer.code in (200, 202, 404), f"DELETE {target}: {answer.code} {answer.body!r}"


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
