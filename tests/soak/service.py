"""One data service of the soak: what it is meant to become, and what was done to it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from cluster.support.connector import Execution

from soak.clock import Clock, minutes
from soak.kinds import Kind

#: How many lines of a timeline a reader sees, half of them from the beginning.
SHOWN = 24


@dataclass
class Service:
    """A service, from the first create until nothing is left of it."""

    number: int
    kind: Kind
    clock: Clock
    execution: Execution = field(default_factory=Execution)
    #: The name that it goes by, as soon as that is known.
    name: str | None = None
    #: Whether Flyte has nothing more to do with it.
    is_over: bool = False
    #: When, on the cluster's clock, it was over; None where that is not known yet.
    over_since: float | None = None
    #: Whether the cluster has shown that nothing of it is left.
    is_gone: bool = False
    #: How long, in seconds, its task took.
    seconds: float = 0.0
    #: How many polls failed that nothing excuses.
    failed_polls: int = 0

    def __post_init__(self) -> None:
        self._timeline: list[tuple[float, str]] = []
        self._lock = threading.Lock()

    @property
    def title(self) -> str:
        """Returns what to call it."""
        name = f", {self.name}" if self.name else ""
        return f"Service {self.number} ({self.kind.title}{name}, execution {self.execution.name})"

    def note(self, what: str) -> None:
        """Remembers what was done to it, or what was said of it."""
        with self._lock:
            self._timeline.append((self.clock.now(), what))

    def note_change(self, what: str) -> None:
        """Remembers what was said of it, unless that is what was said last."""
        with self._lock:
            if not self._timeline or self._timeline[-1][1] != what:
                self._timeline.append((self.clock.now(), what))

    def timeline(self) -> list[str]:
        """Returns all that, a line each."""
        with self._lock:
            lines = [f"{minutes(at)}.{int(at * 10) % 10}  {what}" for at, what in self._timeline]
        if len(lines) <= SHOWN:
            return lines
        half = SHOWN // 2
        return [*lines[:half], f"... {len(lines) - SHOWN} lines more ...", *lines[-half:]]
