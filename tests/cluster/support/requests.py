"""The API server's own count of requests."""

from __future__ import annotations

import re
from collections import Counter

from cluster.support.kubernetes import Kubernetes

_LINE = re.compile(r"^apiserver_request_total\{(?P<labels>.*)\} (?P<count>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def requests_counted(kubernetes: Kubernetes) -> Counter[tuple[str, str]]:
    """Returns how many requests the API server has answered, to anybody, by verb and resource.

    A watch is counted when it ends, which it does by itself once a minute.
    """
    counted: Counter[tuple[str, str]] = Counter()
    for line in _LINE.finditer(kubernetes.run("get", "--raw", "/metrics")):
        labels = dict(_LABEL.findall(line["labels"]))
        resource = "/".join(part for part in (labels["resource"], labels["subresource"]) if part)
        # Connections to a container are counted by another verb.
        verb = "GET" if labels["verb"] == "CONNECT" else labels["verb"]
        counted[verb, resource] += int(float(line["count"]))
    return counted


def being_deleted(kubernetes: Kubernetes) -> list[str]:
    """Returns the namespaces that are being deleted, in which Kubernetes itself lists and deletes StatefulSets."""
    namespaces = kubernetes.objects("namespaces")
    return [each["metadata"]["name"] for each in namespaces if each["metadata"].get("deletionTimestamp")]
