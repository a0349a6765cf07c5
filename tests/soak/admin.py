"""The administrator's raw API, through which the soak looks at the cluster: never through the code under test."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

# Objects of the API have any shape, as JSON does.
Object = dict[str, Any]

#: How long, in seconds, to try again while the API server is away.
PATIENCE = 90.0


class AwayError(Exception):
    """The API server does not answer at the moment."""


class Admin:
    """``kubectl proxy``, which knows how to log in, and plain HTTP to it."""

    def __init__(self, kubectl: str, kubeconfig: Path, namespace: str) -> None:
        self.namespace = namespace
        self.core = f"/api/v1/namespaces/{namespace}"
        self.stateful_sets = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"
        self.services = f"{self.core}/services"
        self.pods = f"{self.core}/pods"
        command = [kubectl, "--kubeconfig", str(kubeconfig), "proxy", "--port", "0"]
        # It complains of each outage, and those are made here.
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )
        assert self._process.stdout
        # "Starting to serve on 127.0.0.1:12345"
        self._server = f"http://{self._process.stdout.readline().split()[-1]}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __enter__(self) -> Admin:
        """Returns the administrator."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the proxy."""
        self._process.terminate()
        self._process.wait()

    def request(self, method: str, path: str, content: Object | None = None) -> Object | None:
        """Sends one request; None is the answer where there is no such object.

        Raises:
            AwayError: Nobody answered, or not with what is there.
        """
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._server + path, method=method, data=body, headers=headers)
        try:
            with self._opener.open(request, timeout=5) as answer:
                found: Object = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            if error.code == 409 and method == "POST" and content:
                # Made by a try whose answer was lost.
                return self.request("GET", f"{path}/{content['metadata']['name']}")
            raise AwayError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise AwayError(f"{method} {path}: {error}") from error

    def until_answered(self, method: str, path: str, content: Object | None = None) -> Object | None:
        """Sends a request until it is answered.

        Raises:
            AwayError: It was not, for long.
        """
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.request(method, path, content)
            except AwayError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def ours(self, collection: str) -> list[Object]:
        """Returns what the plugin has made of a kind."""
        answer = self.request("GET", f"{collection}?labelSelector=app.kubernetes.io/managed-by={MANAGED_BY}")
        items: list[Object] = (answer or {"items": []})["items"]
        return items


MANAGED_BY = "flytekitplugins-k8sdataservice"
