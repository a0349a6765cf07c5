"""The disturbances of the cluster and of the connectors."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from localcluster import LocalCluster
from rich.console import Console

from soak.clock import Clock, minutes
from soak.connectors import Connectors
from soak.findings import Findings
from soak.tokens import OVERLAP, Tokens

#: How long, in seconds, a connector that was killed is away at least.
AWAY = 2.0


@dataclass(frozen=True)
class Disturbance:
    """Something to be done at a time."""

    at: float
    title: str
    do: Callable[[], None]


class Disturbances:
    """Does them one after the other, and measures each."""

    def __init__(
        self,
        cluster: LocalCluster,
        connectors: Connectors,
        tokens: Tokens,
        clock: Clock,
        console: Console,
        findings: Findings,
    ) -> None:
        self._cluster = cluster
        self._connectors = connectors
        self._tokens = tokens
        self._clock = clock
        self._console = console
        self._findings = findings
        #: How long, in seconds, each took, by its title.
        self.done: dict[str, list[float]] = defaultdict(list)

    def plan(self, seconds: float) -> list[Disturbance]:
        """Returns what is to be done within this time."""
        restart = "the API server is restarted"
        found = [Disturbance(at, restart, self._cluster.restart_api_server) for at in _every(60, 40, seconds - 15)]
        found.append(Disturbance(seconds / 2 + 10, "etcd is restarted", self._cluster.restart_etcd))
        found += [Disturbance(seconds * part, "connector A is killed", self._kill) for part in (0.3, 0.65)]
        for at in _every(105, 10, seconds - 20):
            found.append(Disturbance(at, "the token is replaced", self._tokens.rotate))
            if at + OVERLAP < seconds:
                found.append(Disturbance(at + OVERLAP, "the token before it expires", self._expire))
        return sorted(found, key=lambda each: each.at)

    def run(self, plan: list[Disturbance], stop: threading.Event) -> None:
        """Does all of it, each at its time or as soon as the one before it is done."""
        for each in plan:
            if stop.wait(max(0.0, each.at - self._clock.now())):
                return
            self._console.print(f"{minutes(self._clock.now()):>6}  [bold]{each.title}[/]", highlight=False)
            began = time.monotonic()
            try:
                each.do()
            except Exception as error:
                if not stop.is_set():
                    self._findings.add(f"The soak itself failed when {each.title}: {error}")
                return
            self.done[each.title].append(time.monotonic() - began)

    def _kill(self) -> None:
        connector = self._connectors.all[0]
        connector.kill()
        time.sleep(AWAY)
        connector.start_anew()

    def _expire(self) -> None:
        if not self._tokens.expire():
            self._findings.add("The API server still takes a token whose Secret is gone, so that nothing was tried.")


def _every(interval: float, first: float, end: float) -> list[float]:
    return [first + interval * number for number in range(int(max(0.0, end - first) // interval) + 1)]
