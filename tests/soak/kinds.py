"""The kinds of services that a soak is made of."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from cluster.support.configs import TINY, config

from soak.place import THEIRS


class End(Enum):
    """How a service is to end."""

    #: It gets ready, is used for a while, and a sensor takes it away.
    USED = "used"
    #: It is aborted after a while, and tried again under the same name; then as above.
    RETRIED = "retried"
    #: It is aborted while it comes up.
    ABORTED = "aborted"
    #: Its task fails, and nothing is left of it.
    FAILED = "failed"
    #: Somebody deletes its StatefulSet, and its task fails.
    LOST = "lost"
    #: It cannot be made at all.
    REFUSED = "refused"


@dataclass(frozen=True)
class Kind:
    """A request, and its expected end."""

    title: str
    end: End
    #: How many of twenty are of this kind.
    share: int
    fields: dict[str, Any] = field(default_factory=dict)
    #: The message of the task when it has failed as it should.
    words: str = ""
    #: Whether the user chooses the name.
    is_named: bool = False
    #: How long, in seconds, until it is aborted, at least and at most.
    patience: tuple[float, float] = (0.0, 0.0)

    @property
    def replicas(self) -> int:
        """Returns the number of pods."""
        return int(self.fields.get("Replicas", 1))

    def wire(self, number: int) -> dict[str, Any]:
        """Returns the configuration of the service with this number."""
        name = f"soak-{number}" if self.is_named else None
        return config(name) | {"Command": ["sleep", "3600"]} | self.fields


# No node has one, so that the pods wait until somebody gives up.
_NEVER_READY = {"Requests": TINY | {"gpu": "1"}, "Limits": TINY | {"gpu": "1"}}
_TOO_MUCH = {"Requests": TINY | {"cpu": "1"}, "Limits": TINY | {"cpu": "1"}}

KINDS = [
    Kind("1 pod", End.USED, 4, {"Replicas": 1}),
    Kind("2 pods", End.USED, 2, {"Replicas": 2}),
    Kind("3 pods", End.USED, 2, {"Replicas": 3}),
    Kind("no pods", End.USED, 2, {"Replicas": 0}),
    Kind("retried", End.RETRIED, 2, {"Replicas": 1}, is_named=True, patience=(0.0, 6.0)),
    Kind("aborted at once", End.ABORTED, 2, {"Replicas": 2}, patience=(0.0, 2.0)),
    Kind("never ready", End.ABORTED, 2, _NEVER_READY, patience=(5.0, 20.0)),
    Kind("over a limit", End.FAILED, 2, _TOO_MUCH, "rejects the pods of StatefulSet"),
    Kind("deleted by others", End.LOST, 1, _NEVER_READY, "it was deleted"),
    Kind("name is taken", End.REFUSED, 1, {"Name": THEIRS}, "ConflictError"),
]


def mix(chance: random.Random) -> Iterator[Kind]:
    """Yields kinds without end, in an order that changes, but as many of each in every twenty."""
    while True:
        twenty = [kind for kind in KINDS for _ in range(kind.share)]
        chance.shuffle(twenty)
        yield from twenty
