"""Every fault at every API call of every operation, one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest

from cluster.support.faults.arena import Arena
from cluster.support.faults.calls import Position, positions_of
from cluster.support.faults.judge import Outcome, all_hold, calls_of, check_next, check_now, holds
from cluster.support.faults.operations import OPERATIONS, Case, Operation
from cluster.support.faults.proxy import Strike, Trouble
from cluster.support.faults.samples import sampled
from cluster.support.faults.strikes import STRIKES, late_request


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_one_fault_at_any_call_is_not_noticed(arena: Arena, operation: Operation) -> None:
    positions = positions_of(calls_of(operation, arena))
    runs: list[Callable[[], Outcome]] = [
        partial(_run, arena, operation, strike, position) for strike in STRIKES for position in positions
    ]
    all_hold(arena, sampled(runs, f"single {operation.name}"))


def _run(arena: Arena, operation: Operation, strike: Strike, position: Position) -> Outcome:
    case = Case(arena)

    def body() -> None:
        operation.prepare(case)
        trouble = Trouble({position: strike})
        arena.proxy.trouble(case.name, trouble)
        started = time.monotonic()
        answer = operation.answer(case, arena.first)
        took = time.monotonic() - started
        trouble.settle()
        assert trouble.struck == 1, f"the fault did not happen; the calls were {trouble.keys}"
        assert answer == operation.right.format(name=case.name), f"answered with {answer}; {trouble.keys}"
        assert took < operation.patience, f"took {took:.1f} s"
        # The next call finds an object that arrives after everybody has gone.
        if strike is not late_request or operation.leaves == "ours":
            check_now(operation, case)
        check_next(operation, case)

    return holds(operation.name, f"{strike.__name__} at {position}", case, body)
