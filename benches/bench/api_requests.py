"""How many requests the API server itself says it has answered."""

from __future__ import annotations

import re

from bench.errors import BenchError
from bench.raw_api import RawApi

#: What a connector would read to answer a get: it gets a StatefulSet or a Service and lists the rest. While nothing
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

_LINE = re.compile(r"^apiserver_request_total\{(?P<labels>.*)\} (?P<count>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def reads_answered(api: RawApi) -> int:
    """Returns how many reads of what a service consists of the API server has answered since its start, to anybody.

    Whoever asked is not told apart, so that the count is never too low for any one.

    Raises:
        BenchError: The API server does not tell.
    """
    total = 0.0
    lines = list(_LINE.finditer(api.text("/metrics")))
    if not lines:
        raise BenchError(
            "The API server's /metrics have no apiserver_request_total, so its requests cannot be counted."
        )
    for line in lines:
        labels = dict(_LABEL.findall(line["labels"]))
        of_log = labels.get("subresource") == "log"
        if of_log or (labels.get("verb"), labels.get("resource")) in _READS:
            total += float(line["count"])
    return int(total)
