"""Calls of two connectors for one service at the same time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cluster.support.connector import Caller, Execution, name_of
from cluster.support.faults.operations import OPERATIONS, Case

Act = Callable[[Case, Caller], str]

_OPERATIONS = {operation.name: operation for operation in OPERATIONS}
_MADE = _OPERATIONS["create-again"].prepare
_DELETE = _OPERATIONS["delete"].act
_SENSOR = _OPERATIONS["sensor"]


@dataclass(frozen=True)
class Race:
    """A call that is stopped at one of its API calls, and another one that runs meanwhile.

    Attributes:
        name: What happens, in words.
        prepare: Brings the situation about.
        held: The call that is stopped.
        other: The call that runs meanwhile, from its beginning to its end.
        survives: Whether what the other call leaves is to stay.
    """

    name: str
    prepare: Callable[[Case], object]
    held: Act
    other: Act
    survives: bool = False


def _nothing(case: Case) -> None:
    pass


def _deleted(case: Case) -> None:
    _MADE(case)
    _DELETE(case, case.arena.second)


def _named(case: Case) -> None:
    case.custom = case.custom | {"Name": case.name}
    _MADE(case)


def _next_attempt(case: Case, caller: Caller) -> str:
    return name_of(caller.create(case.custom, case.execution.retried()))


def _delete_and_next_attempt(case: Case, caller: Caller) -> str:
    _DELETE(case, caller)
    return _next_attempt(case, caller)


def _delete_and_another_run(case: Case, caller: Caller) -> str:
    _DELETE(case, caller)
    return _another_run(case, caller)


def _another_run(case: Case, caller: Caller) -> str:
    return name_of(caller.create(case.custom, Execution()))


RACES = [
    Race("two-creates", _nothing, Case.create, _next_attempt),
    Race("create-and-delete", _deleted, Case.create, _DELETE),
    Race("create-and-delete-and-the-next-attempt", _deleted, Case.create, _delete_and_next_attempt),
    Race("create-again-and-delete", _MADE, Case.create, _DELETE),
    Race("create-the-other-half-and-delete", _OPERATIONS["create-the-other-half"].prepare, Case.create, _DELETE),
    Race("create-and-sensor", _SENSOR.prepare, Case.create, _SENSOR.act),
    Race("delete-and-the-next-attempt", _MADE, _DELETE, _next_attempt),
    Race("delete-and-another-run", _named, _DELETE, _another_run),
    Race("delete-and-delete-and-another-run", _named, _DELETE, _delete_and_another_run, survives=True),
    Race("two-deletes", _MADE, _DELETE, _DELETE),
    Race("sensor-and-the-next-attempt", _SENSOR.prepare, _SENSOR.act, _next_attempt),
    Race("sensor-and-delete", _SENSOR.prepare, _SENSOR.act, _DELETE),
]
