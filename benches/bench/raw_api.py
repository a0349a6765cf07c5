"""The API server without any client library: it shows what the cluster itself can do, and it cleans up."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.errors import BenchError
from bench.kubeconfig import Access

# Objects of the API have any shape, as JSON does.
Object = dict[str, Any]

NAMESPACE = "flyte"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
STATEFUL_SETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets"
_COLLECTIONS = {"Service": SERVICES, "StatefulSet": STATEFUL_SETS}

#: How long, in seconds, deleted objects may take to go.
_PATIENCE = 90.0

#: For how long, in seconds, a connection may go unused.
_IDLE = 20.0


class RawApi:
    """Sends requests over one connection per thread, which stays open, as a good client's do."""

    def __init__(self, access: Access) -> None:
        """Connects to nothing yet."""
        self._access = access
        self._of_thread = threading.local()

    def request(self, method: str, path: str, content: Object | None = None) -> tuple[int, Object]:
        """Sends a request and returns the status and the object that came back.

        What is sent with PATCH is merged into the object that is there.
        """
        status, answer = self._send(method, path, content)
        return status, json.loads(answer)

    def text(self, path: str) -> str:
        """Returns what is no object.

        Raises:
            BenchError: The API server refused.
        """
        status, answer = self._send("GET", path)
        if status != 200:
            raise BenchError(f"The API server answered {status} to GET {path}.")
        return answer.decode()

    def changes(self, path: str, seconds: float) -> Iterator[Object]:
        """Yields each object of a collection as it is and whenever it changes, until the time is over."""
        connection = self._connect(seconds + 5)
        try:
            separator = "&" if "?" in path else "?"
            path = f"{self._access.path}{path}{separator}watch=true&timeoutSeconds={seconds:.0f}"
            connection.request("GET", path, headers=self._access.headers)
            for line in connection.getresponse():
                yield json.loads(line)["object"]
        except (OSError, http.client.HTTPException) as error:
            raise self._unusable(error) from error
        finally:
            connection.close()

    def _send(self, method: str, path: str, content: Object | None = None) -> tuple[int, bytes]:
        connection = self._connection()
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        body = None if content is None else json.dumps(content)
        try:
            connection.request(method, self._access.path + path, body, {"Content-Type": kind, **self._access.headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unusable(error) from error

    def _connection(self) -> http.client.HTTPSConnection:
        """Returns this thread's connection, or a new one where the API server may have closed it for want of use."""
        of_thread, now = self._of_thread, time.monotonic()
        if now - getattr(of_thread, "used", -_IDLE) >= _IDLE:
            of_thread.connection = self._connect(30)
        of_thread.used = now
        connection: http.client.HTTPSConnection = of_thread.connection
        return connection

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        access = self._access
        return http.client.HTTPSConnection(access.host, access.port, context=access.tls, timeout=timeout)

    def _unusable(self, error: Exception) -> BenchError:
        return BenchError(f"The API server at {self._access.host}:{self._access.port} could not be used: {error}.")

    def get(self, path: str) -> Object:
        """Returns an object.

        Raises:
            BenchError: The API server refused.
        """
        status, answer = self.request("GET", path)
        if status != 200:
            raise BenchError(f"The API server answered {status} to GET {path}: {answer.get('message', '')}")
        return answer

    def make(self, collection: str, content: Object) -> Object:
        """Creates an object in a collection and returns it.

        Raises:
            BenchError: The API server refused.
        """
        status, answer = self.request("POST", collection, content)
        if status != 201:
            raise BenchError(f"The API server answered {status} to POST {collection}: {answer.get('message', '')}")
        return answer

    def create(self, content: Object) -> int:
        """Creates a Service or a StatefulSet and returns the status."""
        return self.request("POST", _COLLECTIONS[content["kind"]], content)[0]

    def names(self, collection: str, prefix: str) -> set[str]:
        """Returns the names with a prefix that a collection has."""
        found = {item["metadata"]["name"] for item in self.get(collection)["items"]}
        return {name for name in found if name.startswith(prefix)}

    def remove(self, prefix: str) -> None:
        """Deletes all services whose names have a prefix, and returns when they and their pods are gone.

        Raises:
            BenchError: They do not go.
        """
        paths = [
            f"{collection}/{name}"
            for collection in (STATEFUL_SETS, SERVICES)
            for name in self.names(collection, prefix)
        ]
        with ThreadPoolExecutor(8) as threads:
            options: Object = {"propagationPolicy": "Background"}
            list(threads.map(lambda path: self.request("DELETE", path, options), paths))
        end = time.monotonic() + _PATIENCE
        while left := [
            name for collection in (STATEFUL_SETS, SERVICES, PODS) for name in self.names(collection, prefix)
        ]:
            if time.monotonic() > end:
                raise BenchError(
                    f"{len(left)} objects that the benchmark has deleted are still there after {_PATIENCE:.0f} s, "
                    f"{left[0]} for one. Look at them with `kubectl get all --namespace {NAMESPACE}`."
                )
            time.sleep(0.2)
