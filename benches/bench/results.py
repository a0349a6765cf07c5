"""The measured figures, and the goals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spread:
    """The values of all rounds in short."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Sums up."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass
class Figure:
    """One thing that was measured of several, side by side: who, and a value of each round."""

    name: str
    unit: str
    rounds: dict[str, list[float]] = field(default_factory=dict)
    comparable: bool = True
    """Whether a ratio means anything, as it does not for what may be nothing."""

    def add(self, who: str, value: float) -> None:
        """Adds the value of a round."""
        self.rounds.setdefault(who, []).append(value)

    def spread(self, who: str) -> Spread:
        """Returns the values of all rounds in short."""
        return Spread.of(self.rounds[who])

    def ratio(self, who: str, to: str) -> Spread:
        """Returns by how much one exceeds another: the ratio of each round, since rounds differ as the machine does."""
        return Spread.of([one / other for one, other in zip(self.rounds[who], self.rounds[to], strict=True)])

    def added(self, to_all: Sequence[str], base: str) -> Figure:
        """Returns what some have more than the base, round by round."""
        more = {
            who: [one - other for one, other in zip(self.rounds[who], self.rounds[base], strict=True)] for who in to_all
        }
        return Figure(f"added to {self.name}", self.unit, more, comparable=False)


@dataclass
class Faults:
    """The faults in all creates of one contestant."""

    who: str
    asked: int = 0
    errors: int = 0
    wrong_names: int = 0
    repeated_names: int = 0
    half_made: int = 0
    lost: int = 0

    @property
    def none(self) -> bool:
        """Whether each create was answered with its own name and made both objects of it."""
        return not (self.errors or self.wrong_names or self.repeated_names or self.half_made or self.lost)


@dataclass(frozen=True)
class Target:
    """The goal of a figure, and whether it is met."""

    wanted: str
    measured: str
    met: bool

    @classmethod
    def at_least(cls, wanted: str, value: float, limit: float, unit: str) -> Target:
        """Wants a value that is no lower. It is shown rounded down, so that a miss never looks like a hit."""
        return cls(wanted, f"{math.floor(value * 100) / 100:.2f}{unit}", value >= limit)

    @classmethod
    def at_most(cls, wanted: str, value: float, limit: float, unit: str) -> Target:
        """Wants a value that is no higher. It is shown rounded up, for the same reason."""
        return cls(wanted, f"{math.ceil(value * 100) / 100:.2f}{unit}", value <= limit)


@dataclass
class Results:
    """Everything that a run has found out."""

    facts: dict[str, str]
    figures: list[Figure] = field(default_factory=list)
    faults: list[Faults] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
