"""How many requests the API server itself says it has answered."""

from __future__ import annotations

import re

from bench.errors import BenchError
from bench.raw_api import RawApi

#: What a connector could ask for to answer a get, and nobody else reads while nothing changes in the cluster: the
#: controllers, the scheduler and the kubelet watch. A watch is counted when it ends, whether or not anybody polls.
_RESOURCES = frozenset({"statefulsets", "pods", "endpointslices", "services", "events"})
_READS = frozenset({"GET", "LIST"})

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
        if labels.get("verb") in _READS and labels.get("resource") in _RESOURCES:
            total += float(line["count"])
    return int(total)
