"""Writes to the local cluster's etcd, which sees everything that is stored."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

PREFIX = "/registry/"


def revision(etcd: str) -> int:
    """Returns the number of the last write."""
    with _post(f"{etcd}/v3/kv/range", {"key": _encoded("\0"), "limit": 1}) as answer:
        return int(json.load(answer)["header"]["revision"])


def written_since(etcd: str, revision: int, until: str) -> list[str]:
    """Returns the keys of everything that was written or deleted after a revision, up to a key that ends like this."""
    keys = []
    for key in _watch(etcd, revision + 1):
        if key.endswith(until):
            break
        keys.append(key)
    return keys


def _watch(etcd: str, start: int) -> Iterator[str]:
    end = PREFIX[:-1] + chr(ord(PREFIX[-1]) + 1)
    request = {"key": _encoded(PREFIX), "range_end": _encoded(end), "start_revision": start}
    with _post(f"{etcd}/v3/watch", {"create_request": request}) as answer:
        for line in answer:
            for event in json.loads(line)["result"].get("events", []):
                yield base64.b64decode(event["kv"]["key"]).decode()


def _post(url: str, content: dict[str, Any]) -> Any:
    return urllib.request.urlopen(urllib.request.Request(url, json.dumps(content).encode()), timeout=30)


def _encoded(key: str) -> str:
    return base64.b64encode(key.encode()).decode()
