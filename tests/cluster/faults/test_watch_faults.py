"""Watches that break in every way: no change is missed, and no poll fails meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.faults.api_server import Answer, ApiServer
from cluster.support.faults.exchange import Exchange
from cluster.support.faults.proxy import FaultProxy, Strike
from cluster.support.faults.strikes import internal_error, lost_request, throttled, unavailable
from cluster.support.kubernetes import Kubernetes, wait_until

JSON = [("Content-Type", "application/json")]


def too_old(exchange: Exchange) -> None:
    """The API server has forgotten the version that the watch would go on from, and says so at once."""
    exchange.refuse(410, "Expired", "too old resource version")


def too_old_later(exchange: Exchange) -> None:
    """The same, said inside the stream, as the API server mostly does."""
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "reason": "Expired"}
    event = {"type": "ERROR", "object": status | {"message": "too old resource version: 1 (2)"}}
    exchange.reply(Answer(200, JSON, json.dumps(event).encode() + b"\n"))


def unauthorized(exchange: Exchange) -> None:
    """The token has expired."""
    exchange.refuse(401, "Unauthorized", "Unauthorized")


def forbidden(exchange: Exchange) -> None:
    """The API server has just started and has not read its rules yet."""
    exchange.refuse(403, "Forbidden", "statefulsets.apps is forbidden")


def half_an_event(exchange: Exchange) -> None:
    """The connection breaks in the middle of an event."""
    exchange.reply_half(Answer(200, JSON, b'{"type":"ADDED","object":{"kind":"StatefulSet"}}\n'))


def ends_at_once(exchange: Exchange) -> None:
    """The stream ends without a word, as watches do by themselves after a while."""
    exchange.reply(Answer(200, JSON, b""))


STRIKES: list[Strike] = [
    too_old,
    too_old_later,
    unauthorized,
    forbidden,
    half_an_event,
    ends_at_once,
    lost_request,
    throttled,
    internal_error,
    unavailable,
]


@pytest.mark.parametrize("strike", STRIKES, ids=lambda strike: strike.__name__)
def test_a_watch_that_breaks_misses_nothing(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path, strike: Strike
) -> None:
    proxy = FaultProxy(ApiServer(kubernetes, tmp_path), watches=True)
    try:
        connector = start_connector(KUBECONFIG=str(proxy.kubeconfig(tmp_path)))
        resource_meta = connector.create(config("foo", Replicas=0))
        assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED

        def told(words: str) -> bool:
            answer = connector.get(resource_meta)
            assert answer.phase != TaskExecution.FAILED, answer
            return words in answer.message

        # Two rounds for each of the three watches; what changes while they are broken is found when they are not.
        proxy.break_watches([strike] * 6)
        kubernetes.run("scale", "statefulset", "foo", "--replicas", "2")
        wait_until(lambda: told("2 pods"), "what changed while the watches were broken", timeout=30)
        wait_until(lambda: told("") and proxy.has_struck, "every strike to meet a watch", timeout=90)
        kubernetes.run("scale", "statefulset", "foo", "--replicas", "3")
        wait_until(lambda: told("3 pods"), "what changed after that", timeout=30)
    finally:
        proxy.close()
