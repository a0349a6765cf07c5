"""Objects that the tests make as somebody else would, and what they compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from cluster.support.kubernetes import Kubernetes, Object


def one(name: str) -> dict[str, list[str]]:
    """Returns what a namespace with one service has."""
    return {"statefulsets": [name], "services": [name]}


def nothing() -> dict[str, list[str]]:
    """Returns what a namespace without a service has."""
    return {"statefulsets": [], "services": []}


def refusal(call: Callable[[], Any]) -> str:
    """Returns the message of a create that has to fail."""
    with pytest.raises(grpc.RpcError) as raised:
        call()
    return str(raised.value.details())


def foreign_stateful_set(name: str, labels: dict[str, str] | None = None) -> Object:
    labels = labels or {"team": "somebody-else"}
    selector = {"app.kubernetes.io/instance": name}
    container = {"name": "c", "image": "busybox:latest", "command": ["sleep", "3600"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 0,
            "serviceName": name,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": selector}, "spec": {"containers": [container]}},
        },
    }


def foreign_service(name: str, labels: dict[str, str] | None = None) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels or {"team": "somebody-else"}},
        "spec": {"selector": {"app.kubernetes.io/instance": name}, "ports": [{"port": 40000}]},
    }


def use_up(kubernetes: Kubernetes, resource: str) -> None:
    """Makes a quota that leaves nothing of a resource, and waits until Kubernetes enforces it."""
    kubernetes.apply(quota(resource))
    kubernetes.run("wait", "--for", "jsonpath={.status.hard}", "resourcequota/none-left", "--timeout", "30s")


def quota(resource: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none-left"},
        "spec": {"hard": {resource: "0"}},
    }
