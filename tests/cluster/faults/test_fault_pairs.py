"""Two faults in one operation, sampled: also a fault of the call that is repeated after a fault."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from functools import partial

import pytest

from cluster.support.faults.arena import Arena
from cluster.support.faults.calls import Position, positions_of
from cluster.support.faults.judge import Outcome, all_hold, calls_of, check_next, check_now, holds
from cluster.support.faults.operations import OPERATIONS, Case, Operation
from cluster.support.faults.proxy import Strike, Trouble
from cluster.support.faults.samples import SEED
from cluster.support.faults.strikes import STRIKES, late_request, seconds_of

#: The size of the sample of each operation.
PAIRS = int(os.environ.get("FAULTS_PAIRS") or 3)

#: Faults that take longer than this together may use up a verb's time, which is 2.5 s.
_ENOUGH = 2.0


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_two_faults_cost_at_most_an_error_that_asks_for_a_retry(arena: Arena, operation: Operation) -> None:
    print(f"FAULTS_SEED={SEED} FAULTS_PAIRS={PAIRS}")
    draw = random.Random(f"{SEED} {operation.name}")
    once = positions_of(calls_of(operation, arena))
    repeated = [Position(position.key, position.turn + 1) for position in once]
    places = list(dict.fromkeys(once + repeated))
    runs: list[Callable[[], Outcome]] = []
    for _ in range(PAIRS):
        first, second = draw.sample(places, 2) if len(places) > 1 else (places[0], places[0])
        runs.append(partial(_run, arena, operation, {first: draw.choice(STRIKES), second: draw.choice(STRIKES)}))
    all_hold(arena, runs)


def _run(arena: Arena, operation: Operation, strikes: dict[Position, Strike]) -> Outcome:
    case = Case(arena)

    def body() -> None:
        operation.prepare(case)
        trouble = Trouble(strikes)
        arena.proxy.trouble(case.name, trouble)
        started = time.monotonic()
        answer = operation.answer(case, arena.first)
        took = time.monotonic() - started
        trouble.settle()
        right = operation.right.format(name=case.name)
        has_time = sum(map(seconds_of, strikes.values())) < _ENOUGH
        allowed = (right,) if has_time else (right, *operation.meanwhile)
        assert answer in allowed, f"answered with {answer}; {trouble.keys}"
        assert took < operation.patience, f"took {took:.1f} s"
        # The next call finds an object that arrives after everybody has gone.
        if answer == right and (late_request not in strikes.values() or operation.leaves == "ours"):
            check_now(operation, case)
        check_next(operation, case)

    described = " and ".join(f"{strike.__name__} at {position}" for position, strike in strikes.items())
    return holds(operation.name, f"{described} (FAULTS_SEED={SEED})", case, body)
