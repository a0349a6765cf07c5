"""Watches that break in every way: no change is missed, and no poll fails meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from k8sdataservice._core import Client, Status

from cluster.support.configs import config
from cluster.support.faults.api_server import Answer, ApiServer
from cluster.support.faults.exchange import Exchange
from cluster.support.faults.proxy import FaultProxy, Strike
from cluster.support.faults.strikes import internal_error, lost_request, throttled, unavailable
from cluster.support.kubernetes import Kubernetes, wait_until

JSON = [("Content-Type", "application/json")]


def too_old(exchange: Exchange) -> None:
    """The API server has forgotten the version that the watch would go on from, and reports that at once."""
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


def too_old_and_forbidden(exchange: Exchange) -> None:
    """The watch has to list again, and may not."""
    (too_old if "watch=true" in exchange.target else forbidden)(exchange)


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

#: How watches end, and for how many seconds what they then ask for meets which strike. An API server that has just
#: started refuses for a moment; a role that somebody has deleted is away for longer.
INTERRUPTIONS = {
    "ended-and-forbidden-for-a-moment": (FaultProxy.end_watches, forbidden, 0.5),
    "cut-and-forbidden-for-a-moment": (FaultProxy.cut_watches, forbidden, 0.5),
    "ended-and-forbidden-for-long": (FaultProxy.end_watches, forbidden, 9.0),
    "cut-and-forbidden-for-long": (FaultProxy.cut_watches, forbidden, 9.0),
    "ended-and-forbidden-to-list": (FaultProxy.end_watches, too_old_and_forbidden, 3.0),
    "cut-and-unavailable": (FaultProxy.cut_watches, unavailable, 5.0),
    "ended-and-throttled": (FaultProxy.end_watches, throttled, 3.0),
}

#: How soon after a fault polls are answered from memory again, in seconds: after the next attempt, whose pause is at
#: most twice as long as the fault has lasted.
MENDED = 30.0


@dataclass
class Watched:
    """A service of a client whose watches go through a proxy."""

    proxy: FaultProxy
    client: Client
    kubernetes: Kubernetes

    def get(self) -> Status:
        """Polls as the connector does, and checks that the poll does not fail."""
        service = {"name": "foo", "namespace": self.kubernetes.namespace}
        status = self.client.get_known(**service) or self.client.get_sync(**service)
        assert status.phase not in ("Failed", "RetryableFailed"), status.message
        return status

    def has(self, replicas: int) -> bool:
        """Returns whether an answer has this many replicas."""
        return self.get().wanted == replicas

    def scale(self, replicas: int) -> None:
        """Changes the service behind the client's back."""
        self.kubernetes.run("scale", "statefulset", "foo", "--replicas", str(replicas))

    def cost(self, polls: int) -> int:
        """Polls, and returns how many requests that has cost."""
        before = self.proxy.calls
        for _ in range(polls):
            self.get()
        return self.proxy.calls - before

    def is_cut_off(self) -> bool:
        """Returns whether an answer says that it may be out of date."""
        return "this is what was known then" in self.get().message

    def is_watched_again(self) -> None:
        """Checks that polls cost nothing and that what changes is reported."""
        self.until_polls_are_free()
        self.scale(3)
        wait_until(lambda: self.has(3), "what has changed since then", timeout=MENDED)
        # The client may have met the last strike only now.
        self.until_polls_are_free()

    def until_polls_are_free(self) -> None:
        """Waits until polls are answered from memory without reservation."""
        wait_until(lambda: not self.is_cut_off() and self.cost(100) == 0, "the watches to go on", timeout=MENDED)


@pytest.fixture
def watched(kubernetes: Kubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Returns a service that is known from memory."""
    proxy = FaultProxy(ApiServer(kubernetes, tmp_path), watches=True)
    monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig(tmp_path)))
    client = Client(timeout=10.0)
    client.create_sync(config("foo", Replicas=0), namespace=kubernetes.namespace, owner="a test", execution="a test")
    watched = Watched(proxy, client, kubernetes)
    wait_until(lambda: watched.get().phase == "Ready", "the service to be ready")
    wait_until(lambda: watched.cost(10) == 0, "the service to be known")
    yield watched
    proxy.close()


@pytest.mark.parametrize("strike", STRIKES, ids=lambda strike: strike.__name__)
def test_a_watch_that_breaks_misses_nothing(watched: Watched, strike: Strike) -> None:
    # Two rounds for each of the three watches; what changes while they are broken is found when they are not.
    watched.proxy.break_watches([strike] * 6)
    watched.scale(2)
    wait_until(lambda: watched.has(2), "what changed while the watches were broken", timeout=30)
    wait_until(lambda: not watched.has(-1) and watched.proxy.has_struck, "every strike to meet a watch", timeout=90)
    watched.is_watched_again()


@pytest.mark.parametrize("name", INTERRUPTIONS)
def test_a_watch_that_is_interrupted_while_it_is_refused_goes_on_afterwards(watched: Watched, name: str) -> None:
    interrupt, strike, seconds = INTERRUPTIONS[name]
    watched.proxy.strike_watching(strike)
    interrupt(watched.proxy)
    watched.scale(2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        watched.has(2)
        time.sleep(0.05)
    watched.proxy.strike_watching(None)
    wait_until(lambda: watched.has(2), "what changed meanwhile", timeout=MENDED)
    watched.is_watched_again()


def test_a_watch_that_stays_refused_is_asked_for_less_and_less(watched: Watched) -> None:
    watched.proxy.strike_watching(forbidden)
    watched.proxy.end_watches()
    time.sleep(12)
    before = watched.proxy.attempts
    time.sleep(5)
    # After twelve seconds the pauses of each of the three watches are at least four seconds long.
    assert watched.proxy.attempts - before <= 6


def test_nothing_is_final_while_a_watch_is_cut_off(watched: Watched) -> None:
    """The memory may be outdated by now; the API server, which answers, is asked instead."""
    watched.proxy.strike_watching(unavailable)
    watched.proxy.end_watches()
    # It is looked at, which finds that it is ready, and costs a request.
    wait_until(lambda: watched.cost(5) > 0, "the interruption to be noticed")
    watched.scale(2)
    assert watched.has(2)
    assert watched.get().phase != "Ready"


def test_polls_of_a_client_that_has_just_started_wait_for_its_watches_instead_of_reading(watched: Watched) -> None:
    client = Client(timeout=10.0)
    before = watched.proxy.calls
    with ThreadPoolExecutor(16) as pool:
        polls = [pool.submit(client.get_sync, "foo", namespace=watched.kubernetes.namespace) for _ in range(64)]
    assert {poll.result().phase for poll in polls} == {"Ready"}
    assert watched.proxy.calls == before
