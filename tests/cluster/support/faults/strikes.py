"""The faults of a call between a connector and the API server."""

from __future__ import annotations

import threading
import time

from cluster.support.faults.api_server import Answer
from cluster.support.faults.exchange import Exchange
from cluster.support.faults.proxy import Strike

#: When a request arrives that is late, in seconds: later than half of a verb's 2.5 s, which is what a call may take.
LATE_REQUEST = 1.6

#: When an answer arrives that is late, in seconds: too late for the whole verb, so that waiting for it is in vain.
LATE_REPLY = 2.8


def lost_request(exchange: Exchange) -> None:
    """The connection breaks before the API server has heard anything."""
    exchange.hang_up()


def lost_reply(exchange: Exchange) -> None:
    """The connection breaks after the API server has acted."""
    exchange.act()
    exchange.hang_up()


def half_a_reply(exchange: Exchange) -> None:
    """The connection breaks in the middle of the answer."""
    exchange.reply_half(exchange.act())


def late_request(exchange: Exchange) -> None:
    """The API server hears of it, and acts, when the connector has given up on it."""
    time.sleep(LATE_REQUEST)
    exchange.reply(exchange.act())


def late_reply(exchange: Exchange) -> None:
    """The API server acts at once, and answers when the connector has given up on it."""
    answer = exchange.act()
    time.sleep(LATE_REPLY)
    exchange.reply(answer)


def throttled(exchange: Exchange) -> None:
    """The API server asks to be left alone for a second."""
    exchange.refuse(429, "TooManyRequests", "the server has received too many requests", **{"Retry-After": "1"})


def turned_away(exchange: Exchange) -> None:
    """The API server's priority and fairness has no room: it answers in plain text."""
    text = b"Too many requests, please try again later."
    exchange.reply(Answer(429, [("Content-Type", "text/plain"), ("Retry-After", "1")], text))


def conflict(exchange: Exchange) -> None:
    """Two writers met, say at a quota: Kubernetes answers so also to a create, and the next try gets through."""
    exchange.refuse(409, "Conflict", "Operation cannot be fulfilled on resourcequotas: the object has been modified")


def internal_error(exchange: Exchange) -> None:
    """The API server has a fault of its own, such as a webhook that does not answer."""
    exchange.refuse(500, "InternalError", "Internal error occurred: failed calling webhook")


def unavailable(exchange: Exchange) -> None:
    """The API server is about to stop, or a load balancer has none."""
    exchange.refuse(503, "ServiceUnavailable", "the server is currently unable to handle the request")


def timed_out(exchange: Exchange) -> None:
    """The API server has given up on etcd before it acted."""
    exchange.refuse(504, "Timeout", "Timeout: request did not complete within the allotted timeout")


def timed_out_but_done(exchange: Exchange) -> None:
    """The API server has given up on etcd, which has acted all the same."""
    exchange.act()
    timed_out(exchange)


STRIKES: list[Strike] = [
    lost_request,
    lost_reply,
    half_a_reply,
    late_request,
    late_reply,
    throttled,
    turned_away,
    conflict,
    internal_error,
    unavailable,
    timed_out,
    timed_out_but_done,
]


def seconds_of(strike: Strike) -> float:
    """Returns how much of a verb's time a strike takes, in seconds."""
    if strike in (late_request, late_reply):
        return 1.25
    return 1.0 if strike in (throttled, turned_away) else 0.1


class Hold:
    """A strike that keeps a call where it is until it is let go."""

    def __init__(self, acts_first: bool, acts_late: bool = False) -> None:
        """Plans it.

        Args:
            acts_first: Whether the API server acts before the call is held.
            acts_late: Whether it acts after.
        """
        self.reached = threading.Event()
        self._let_go = threading.Event()
        self._acts_first = acts_first
        self._acts_late = acts_late

    def __call__(self, exchange: Exchange) -> None:
        """Holds a call."""
        if self._acts_first:
            exchange.act()
        self.reached.set()
        self._let_go.wait(30)
        if self._acts_late:
            exchange.act()
        exchange.hang_up()

    def let_go(self) -> None:
        """Ends every call that is held, whose sender is gone by now."""
        self._let_go.set()


class Pause:
    """A strike that lets something else happen while a call is on its way, and then lets it go on as if nothing was."""

    def __init__(self, acts_first: bool) -> None:
        """Plans it.

        Args:
            acts_first: Whether the API server acts before the pause, so that its answer is an old one.
        """
        self.reached = threading.Event()
        self._over = threading.Event()
        self._acts_first = acts_first

    def __call__(self, exchange: Exchange) -> None:
        """Lets a call wait."""
        answer = exchange.act() if self._acts_first else None
        self.reached.set()
        self._over.wait(30)
        exchange.reply(answer or exchange.act())

    def end(self) -> None:
        """Lets the call go on."""
        self._over.set()
