"""Watches the cluster, and reports what should not exist."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

from soak.admin import Admin, AwayError, Object
from soak.findings import Findings
from soak.service import Service
from soak.strays import Strays

#: How often to look, in seconds.
INTERVAL = 1.0
#: Two looks further apart than this, in seconds, had an outage between them.
LONGEST = 3.0


@dataclass
class Seen:
    """The objects of a service at one look."""

    stateful_sets: list[str]
    services: list[str]


class Audit:
    """Compares what is in the cluster with what is meant to be there.

    Its clock runs only while the API server answers, so that a grace period is one in which something could be done.
    """

    def __init__(self, admin: Admin, findings: Findings, grace: float) -> None:
        self._admin = admin
        self._findings = findings
        self._grace = grace
        self._lock = threading.Lock()
        self._of_execution: dict[str, Service] = {}
        self._halves: dict[str, float] = {}
        self.strays = Strays(admin, findings)
        self._last_look: float | None = None
        #: For how long, in seconds, the API server has answered.
        self.well = 0.0
        self.looks = 0
        #: The longest, in seconds, that something of a service was left after its task was over.
        self.slowest = 0.0

    @property
    def is_away(self) -> bool:
        """Whether the last look failed."""
        return self._last_look is None

    def expect(self, service: Service) -> None:
        """Notes a service that may exist from now on."""
        with self._lock:
            self._of_execution[service.execution.name] = service

    def over(self, service: Service) -> None:
        """Notes that nothing may be left of a service, as soon as the grace is over."""
        with self._lock:
            service.over_since = self.well
            service.is_over = True

    def watch(self, stop: threading.Event) -> None:
        """Looks until it is stopped."""
        while not stop.wait(INTERVAL):
            self.look()

    def look(self) -> None:
        """Looks once."""
        began = time.monotonic()
        over = [service for service in self._known() if service.is_over]
        try:
            stateful_sets = self._admin.ours(self._admin.stateful_sets)
            services = self._admin.ours(self._admin.services)
            pods = self._admin.ours(self._admin.pods)
        except AwayError:
            self._last_look = None
            return
        if self._last_look is not None and began - self._last_look < LONGEST:
            self.well += began - self._last_look
        self._last_look = began
        self.looks += 1
        seen = self._by_execution(stateful_sets, services)
        for service in over:
            self._check_gone(service, seen.get(service.execution.name))
        for execution, what in seen.items():
            self._check_one(execution, what)
        self._check_halves(stateful_sets, services)
        with suppress(AwayError):
            self.strays.check(pods, stateful_sets, self._known(), self.well)

    def awaited(self) -> list[Service]:
        """Returns the services that may yet end well: neither gone nor reported as left."""
        return [
            service
            for service in self._known()
            if not service.is_gone
            and (service.over_since is None or self.well - service.over_since <= self._grace + INTERVAL)
        ]

    def _known(self) -> list[Service]:
        with self._lock:
            return list(self._of_execution.values())

    def _by_execution(self, stateful_sets: list[Object], services: list[Object]) -> dict[str, Seen]:
        seen: dict[str, Seen] = defaultdict(lambda: Seen([], []))
        for item in stateful_sets:
            seen[_execution_of(item)].stateful_sets.append(item["metadata"]["name"])
        for item in services:
            seen[_execution_of(item)].services.append(item["metadata"]["name"])
        return seen

    def _check_gone(self, service: Service, what: Seen | None) -> None:
        assert service.over_since is not None
        since = self.well - service.over_since
        if what is None:
            if not service.is_gone:
                self.slowest = max(self.slowest, since)
            service.is_gone = True
        elif since > self._grace:
            again = " again" if service.is_gone else ""
            left = ", ".join(
                [f"StatefulSet {name}" for name in what.stateful_sets] + [f"Service {name}" for name in what.services]
            )
            self._findings.add(f"Its task is over, and {self._grace:.0f} s after that there is{again} {left}.", service)

    def _check_one(self, execution: str, what: Seen) -> None:
        service = self._of_execution.get(execution)
        if service is None:
            names = ", ".join(what.stateful_sets + what.services)
            self._findings.add(f"{names} is there of execution {execution}, which nobody has made.")
        elif len(what.stateful_sets) > 1:
            self._findings.add(f"It has more than one StatefulSet: {', '.join(what.stateful_sets)}.", service)

    def _check_halves(self, stateful_sets: list[Object], services: list[Object]) -> None:
        names = {kind: {item["metadata"]["name"] for item in items}
                 for kind, items in (("StatefulSet", stateful_sets), ("Service", services))}  # fmt: skip
        halves = {f"StatefulSet {name} has no Service": name for name in names["StatefulSet"] - names["Service"]}
        halves |= {f"Service {name} has no StatefulSet": name for name in names["Service"] - names["StatefulSet"]}
        self._halves = {half: self._halves.get(half, self.well) for half in halves}
        for half, since in self._halves.items():
            if self.well - since > self._grace:
                owner = next((service for service in self._known() if service.name == halves[half]), None)
                self._findings.add(f"{half} for more than {self._grace:.0f} s.", owner)


def _execution_of(item: Object) -> str:
    return str(item["metadata"]["labels"].get("execution-id"))
