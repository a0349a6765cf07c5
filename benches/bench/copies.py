"""Copies of a service's objects, as many as wanted, straight into etcd.

An API server takes tens of milliseconds of processor time to write the objects of one service, which would be minutes
for very many. So one is written through it, and what it has stored is copied under other names and uids. Whoever lists
and watches gets them from the API server all the same, and the same as if it had written them.
"""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.errors import BenchError
from bench.progress import Progress

_WRITERS = 8
_PATIENCE = 300.0
_SECONDS_BETWEEN_REPORTS = 15.0


@dataclass(frozen=True)
class Stored:
    """An object as the API server stores it."""

    key: bytes
    value: bytes

    def under(self, renamed: dict[bytes, bytes]) -> Stored:
        """Returns a copy in which some names have become others, which have to be as long: lengths are stored too."""
        key, value = self.key, self.value
        for old, new in renamed.items():
            key, value = key.replace(old, new), value.replace(old, new)
        return Stored(key, value)


class Etcd:
    """Reads and writes keys over one connection per thread."""

    def __init__(self, url: str) -> None:
        """Connects to nothing yet."""
        self._address = urlsplit(url).netloc
        self._of_thread = threading.local()

    def read(self, key: str) -> Stored:
        """Returns what is stored under a key.

        Raises:
            BenchError: Nothing is.
        """
        found = self._call("range", {"key": _encoded(key.encode())}).get("kvs")
        if not found:
            raise BenchError(f"The API server has stored nothing under {key}.")
        return Stored(key.encode(), base64.b64decode(found[0]["value"]))

    def write(self, stored: Stored) -> None:
        """Stores something, with a revision of its own, as each object of Kubernetes has one."""
        self._call("put", {"key": _encoded(stored.key), "value": _encoded(stored.value)})

    def _call(self, method: str, content: dict[str, str]) -> dict[str, list[dict[str, str]]]:
        connection: http.client.HTTPConnection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = http.client.HTTPConnection(self._address, timeout=30)
        try:
            connection.request("POST", f"/v3/kv/{method}", json.dumps(content))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise BenchError(f"etcd at {self._address} could not be used: {error}.") from error
        if answer.status != 200:
            raise BenchError(f"etcd at {self._address} answered {answer.status}: {body.decode(errors='replace')}")
        result: dict[str, list[dict[str, str]]] = json.loads(body)
        return result


def copy_all(
    etcd: Etcd, originals: Sequence[Stored], uids: Sequence[str], name: str, names: Sequence[str], progress: Progress
) -> None:
    """Copies all objects of a service under each of the names.

    Args:
        etcd: Where the objects are.
        originals: The objects.
        uids: The uids in them, of which each copy gets others.
        name: The name of their service.
        names: The names of the copies, as long as that.
        progress: Told how far it is.

    Raises:
        BenchError: It takes too long.
    """

    def copy(other: str) -> None:
        renamed = {uid.encode(): str(uuid.uuid4()).encode() for uid in uids} | {name.encode(): other.encode()}
        for original in originals:
            etcd.write(original.under(renamed))

    began = reported = time.monotonic()
    with ThreadPoolExecutor(_WRITERS) as threads:
        copies = [threads.submit(copy, other) for other in names]
        try:
            for done, each in enumerate(as_completed(copies), start=1):
                each.result()
                now = time.monotonic()
                if now - began > _PATIENCE:
                    raise BenchError(
                        f"Only {done:,} of {len(names):,} services could be written in {_PATIENCE:.0f} s. "
                        "Measure with fewer: --services."
                    )
                if now - reported > _SECONDS_BETWEEN_REPORTS:
                    progress(f"writing services: {done:,} of {len(names):,}")
                    reported = now
        finally:
            for each in copies:
                each.cancel()


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()
