"""The few requests that the cluster itself makes to its API server."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from localcluster.layout import Layout

# Objects of the API have any shape, as JSON does.
Object = dict[str, Any]


class Api:
    """Talks to the API server as the administrator."""

    def __init__(self, server: str, layout: Layout) -> None:
        """Read the certificates; nothing is sent yet."""
        self._server = server
        self._tls = ssl.create_default_context(cafile=str(layout.certificate_authority.certificate))
        login = layout.certificate("administrator")
        self._tls.load_cert_chain(login.certificate, login.key)
        # Proxies of the environment are for other machines.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._tls)
        )

    def get(self, path: str) -> Object | None:
        """Return an object, or None where there is none or the API server does not answer yet."""
        try:
            return self._request("GET", path)
        except OSError:
            return None

    def is_ready(self) -> bool:
        """Tell whether the API server says that it is ready."""
        try:
            with self._opener.open(f"{self._server}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def create(self, path: str, content: Object) -> None:
        """Create an object unless it is there."""
        try:
            self._request("POST", path, content)
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise

    def delete(self, path: str) -> None:
        """Delete an object unless it is gone."""
        try:
            self._request("DELETE", path)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise

    def watch(self, path: str, timeout: float = 300.0) -> Iterator[tuple[str, Object]]:
        """Yield every object that there is and then every change, until the connection ends."""
        request = urllib.request.Request(f"{self._server}{path}?watch=true")
        with self._opener.open(request, timeout=timeout) as answer:
            for line in answer:
                event = json.loads(line)
                yield event["type"], event["object"]

    def _request(self, method: str, path: str, content: Object | None = None) -> Object:
        request = urllib.request.Request(
            f"{self._server}{path}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=30) as answer:
            result: Object = json.load(answer)
        return result
