"""The memory and the open files of the connectors, and whether they stay flat."""

from __future__ import annotations

import statistics
import threading
from dataclasses import dataclass, field
from pathlib import Path

from soak.clock import Clock
from soak.connectors import Connector, Connectors

#: How often to look, in seconds.
INTERVAL = 5.0
#: For how long, in seconds, a process that has just started may still grow.
WARM_UP = 60.0
#: How many samples make a figure, so that a call that is under way makes no difference.
AVERAGED = 5
#: How much a process may grow after its warm-up.
MOST_MEBIBYTES = 8.0
MOST_FILES = 8


@dataclass(frozen=True)
class Sample:
    """One process at one time."""

    at: float
    mebibytes: float
    files: int


@dataclass
class History:
    """The samples of one process."""

    connector: str
    generation: int
    samples: list[Sample] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Returns what to call it."""
        return self.connector if self.generation == 1 else f"{self.connector}, start {self.generation}"

    @property
    def growth(self) -> tuple[float, int] | None:
        """Returns by how many MiB and files it has grown since its warm-up, or None if it did not live for long."""
        warm = [sample for sample in self.samples if sample.at >= self.samples[0].at + WARM_UP]
        if len(warm) < 2 * AVERAGED:
            return None
        first, last = warm[:AVERAGED], warm[-AVERAGED:]
        memory = statistics.median(each.mebibytes for each in last) - statistics.median(
            each.mebibytes for each in first
        )
        files = statistics.median_low([each.files for each in last]) - statistics.median_low(
            [each.files for each in first]
        )
        return memory, files

    @property
    def fault(self) -> str | None:
        """Returns what is wrong with it, as a sentence."""
        if not (growth := self.growth):
            return None
        memory, files = growth
        grown = "of {} have grown by {} since its first minute, and {} are allowed."
        if memory > MOST_MEBIBYTES:
            return "The MiB " + grown.format(self.title, f"{memory:.1f}", f"{MOST_MEBIBYTES:.0f}")
        if files > MOST_FILES:
            return "The open files " + grown.format(self.title, files, MOST_FILES)
        return None


class Sampler:
    """Looks at the connectors' processes all the time."""

    def __init__(self, connectors: Connectors, clock: Clock) -> None:
        self._connectors = connectors
        self._clock = clock
        self.histories: list[History] = []

    def watch(self, stop: threading.Event) -> None:
        """Looks until it is stopped."""
        while True:
            self.look()
            if stop.wait(INTERVAL):
                return

    def look(self) -> None:
        """Looks once."""
        for connector in self._connectors.all:
            if sample := self._sample(connector):
                self._history(connector).samples.append(sample)

    def latest(self) -> str:
        """Returns the last sample of each connector, in a few words."""
        words = []
        for connector in self._connectors.all:
            samples = self._history(connector).samples
            if samples:
                words.append(f"{connector.name} {samples[-1].mebibytes:.0f} MiB, {samples[-1].files} files")
        return "; ".join(words)

    def _history(self, connector: Connector) -> History:
        for history in self.histories:
            if (history.connector, history.generation) == (connector.name, connector.generation):
                return history
        history = History(connector.name, connector.generation)
        self.histories.append(history)
        return history

    def _sample(self, connector: Connector) -> Sample | None:
        process = Path("/proc") / str(connector.process.pid)
        try:
            status = (process / "status").read_text()
            resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
            return Sample(self._clock.now(), int(resident.split()[1]) / 1024, len(list((process / "fd").iterdir())))
        # It was killed at this moment.
        except (OSError, StopIteration):
            return None
