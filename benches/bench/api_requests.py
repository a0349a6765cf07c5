"""How many requests the API server itself says it has answered."""

from __future__ import annotations

import re

from bench.errors import BenchError
from bench.raw_api import RawApi

#: The reads of a connector to answer a get: it gets a StatefulSet or a Service and lists the rest. While nothing
#: changes in the cluster nobody else does either: controllers and scheduler watch, and the kubelet gets single pods. A
#: watch is counted when it ends, whether or not anybody polls.
_READS = frozenset(
    [
        ("GET", "statefulsets"),
        ("LIST", "statefulsets"),
        ("GET", "services"),
        ("LIST", "services"),
        ("LIST", "pods"),
        ("LIST", "endpointslices"),
        ("LIST", "events"),
    ]
)

#: How many requests the API server has answered.
REQUESTS = "apiserver_request_total"
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def series(api: RawApi, name: str) -> list[tuple[dict[str, str], float]]:
    """Returns the labels and the value of each series of a metric of the API server.

    Raises:
        BenchError: The API server does not report it.
    """
    lines = re.findall(rf"^{name}\{{(.*)\}} (\S+)$", api.text("/metrics"), re.MULTILINE)
    if not lines:
        raise BenchError(f"The API server's /metrics have no {name}, so its requests cannot be counted.")
    return [(dict(_LABEL.findall(labels)), float(value)) for labels, value in lines]


def reads_answered(api: RawApi) -> int:
    """Returns how many reads of what a service consists of the API server has answered since its start, to anybody.

    The count includes all clients, so that it is never too low for any one.

    Raises:
        BenchError: The API server does not report it.
    """
    total = 0.0
    for labels, count in series(api, REQUESTS):
        of_log = labels.get("subresource") == "log"
        if of_log or (labels.get("verb"), labels.get("resource")) in _READS:
            total += count
    return int(total)
