"""Which of a service's API calls a request is."""

from __future__ import annotations

import json
import urllib.parse
from dataclasses import dataclass

#: The selectors by which a list is of one service. Others are the watch's, which is of all.
_SELECTORS = ("app.kubernetes.io/instance=", "kubernetes.io/service-name=", "involvedObject.name=")


@dataclass(frozen=True)
class Call:
    """One API call for one service.

    Attributes:
        service: The service's name.
        key: What the call does, such as ``POST statefulsets``: the same each time it is repeated.
    """

    service: str
    key: str


@dataclass(frozen=True)
class Position:
    """One call of an operation: the nth with that key, from 0."""

    key: str
    turn: int

    def __str__(self) -> str:
        """Returns the position as a failure names it."""
        return f"{self.key} #{self.turn + 1}"


def call_of(method: str, target: str, body: bytes) -> Call | None:
    """Tells which call a request is; None for one that is of no single service, such as a watch."""
    split = urllib.parse.urlsplit(target)
    # /api/v1/namespaces/<namespace>/<resource>[/<name>[/<subresource>]], with two segments instead of one for a group.
    _, has_namespace, inside = split.path.partition("/namespaces/")
    resource, *named = inside.split("/")[1:] if has_namespace else ["", ""]
    if method == "POST":
        name = str(json.loads(body)["metadata"]["name"])
        return Call(name.partition(".")[0] if resource == "events" else name, f"POST {resource}")
    if named:
        service = named[0].rpartition("-")[0] if resource == "pods" else named[0]
        return Call(service, " ".join([method, resource, *named[1:]]))
    query = dict(urllib.parse.parse_qsl(split.query))
    terms = ",".join([query.get("labelSelector", ""), query.get("fieldSelector", "")]).split(",")
    for term in terms:
        for selector in _SELECTORS:
            if term.startswith(selector):
                return Call(term.removeprefix(selector), f"LIST {resource}")
    return None


def positions_of(keys: list[str]) -> list[Position]:
    """Returns the position of each call in a run."""
    return [Position(key, keys[:index].count(key)) for index, key in enumerate(keys)]
