"""Trouble that begins at some API call of an operation and stays: what is answered, in which time, and what is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest

from cluster.support.faults.arena import Arena
from cluster.support.faults.calls import Position, positions_of
from cluster.support.faults.judge import Outcome, all_hold, calls_of, check_next, holds
from cluster.support.faults.operations import OPERATIONS, Case, Operation
from cluster.support.faults.proxy import Strike, Trouble
from cluster.support.faults.samples import sampled
from cluster.support.faults.strikes import late_reply, lost_reply, lost_request, unavailable


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_outage_at_any_call_is_answered_in_time_and_the_next_call_carries_on(
    arena: Arena, operation: Operation
) -> None:
    positions = positions_of(calls_of(operation, arena))
    runs: list[Callable[[], Outcome]] = [
        partial(_run, arena, operation, {position: strike}, position)
        for strike in (lost_request, lost_reply, late_reply, unavailable)
        for position in positions
    ]
    # An API server that is slow before it goes away has used up some of the time.
    slow_first: dict[Position, Strike] = {positions[0]: late_reply}
    runs += [
        partial(_run, arena, operation, slow_first | {position: late_reply}, position) for position in positions[1:]
    ]
    all_hold(arena, sampled(runs, f"outages {operation.name}"))


def _run(arena: Arena, operation: Operation, strikes: dict[Position, Strike], position: Position) -> Outcome:
    case = Case(arena)

    def body() -> None:
        operation.prepare(case)
        trouble = Trouble(strikes, stays=position)
        arena.proxy.trouble(case.name, trouble)
        started = time.monotonic()
        answer = operation.answer(case, arena.first)
        took = time.monotonic() - started
        trouble.settle()
        arena.proxy.trouble(case.name, Trouble())
        assert trouble.struck, f"the fault did not happen; the calls were {trouble.keys}"
        allowed = (operation.right.format(name=case.name), *operation.meanwhile)
        assert answer in allowed, f"answered with {answer} after {took:.1f} s; {trouble.keys}"
        assert took < operation.patience, f"took {took:.1f} s"
        check_next(operation, case)

    described = " and ".join(f"{strike.__name__} at {position}" for position, strike in strikes.items())
    return holds(operation.name, f"{described} and from there on", case, body)
