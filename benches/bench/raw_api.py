"""The API server without any client library: it shows what the cluster itself can do, and it cleans up."""

from __future__ import annotations

import http.client
import json
import threading
import time
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


class RawApi:
    """Sends requests over one connection per thread, which stays open, as a good client's do."""

    def __init__(self, access: Access) -> None:
        """Connects to nothing yet."""
        self._access = access
        self._of_thread = threading.local()

    def request(self, method: str, path: str, content: Object | None = None) -> tuple[int, Object]:
        """Sends a request and returns the status and the object that came back."""
        access = self._access
        connection: http.client.HTTPSConnection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(access.host, access.port, context=access.tls, timeout=30)
            self._of_thread.connection = connection
        headers = {"Content-Type": "application/json", **access.headers}
        body = None if content is None else json.dumps(content)
        try:
            connection.request(method, access.path + path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise BenchError(f"The API server at {access.host}:{access.port} could not be used: {error}.") from error

    def get(self, path: str) -> Object:
        """Returns an object.

        Raises:
            BenchError: The API server refused.
        """
        status, answer = self.request("GET", path)
        if status != 200:
            raise BenchError(f"The API server answered {status} to GET {path}: {answer.get('message', '')}")
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
