"""The token that the connectors log in with, which is replaced from time to time, and then expires."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

from cluster.support.account import ACCOUNT

from soak.admin import Admin

#: For how long, in seconds, a token stays valid when its successor has been written. Who reads it from a file does so
#: once a minute.
OVERLAP = 85.0
#: For how long, in seconds, the API server goes on to take a token that it has just seen.
REMEMBERED = 15.0


class Tokens:
    """A token in a file, bound to a Secret: with the Secret it is gone."""

    def __init__(self, admin: Admin, api_server: str, authority: Path, file: Path) -> None:
        """Writes the first token."""
        self._admin = admin
        self._api_server = api_server
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._file = file
        self._count = 0
        self._valid: list[tuple[str, str]] = []
        self.rotate()

    def rotate(self) -> None:
        """Writes a new token; the one before it stays valid for now."""
        self._count += 1
        name = f"token-{self._count}"
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        made = self._admin.until_answered("POST", f"{self._admin.core}/secrets", secret)
        assert made
        bound = {"apiVersion": "v1", "kind": "Secret", "name": name, "uid": made["metadata"]["uid"]}
        wanted = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"boundObjectRef": bound, "expirationSeconds": 3600},
        }
        answer = self._admin.until_answered("POST", f"{self._admin.core}/serviceaccounts/{ACCOUNT}/token", wanted)
        assert answer
        token: str = answer["status"]["token"]
        fresh = self._file.with_suffix(".new")
        fresh.write_text(token)
        fresh.replace(self._file)
        self._valid.append((name, token))

    def expire(self) -> bool:
        """Ends every token but the newest, and returns whether the API server really refuses them."""
        *old, newest = self._valid
        self._valid = [newest]
        for name, _ in old:
            self._admin.until_answered("DELETE", f"{self._admin.core}/secrets/{name}")
        end = time.monotonic() + REMEMBERED
        while not (all_refused := not any(self._is_taken(token) for _, token in old)) and time.monotonic() < end:
            time.sleep(1)
        return all_refused

    def _is_taken(self, token: str) -> bool:
        request = urllib.request.Request(
            f"{self._api_server}{self._admin.stateful_sets}", headers={"Authorization": f"Bearer {token}"}
        )
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._tls)
        )
        try:
            with opener.open(request, timeout=5) as answer:
                json.load(answer)
                return True
        except urllib.error.HTTPError as error:
            return error.code != 401
        except OSError:
            return True
