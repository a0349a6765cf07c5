"""A connector that is killed, and a call whose sender gives up, at every API call of every operation."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from cluster.support.connector import Caller, Connector
from cluster.support.faults.arena import Arena
from cluster.support.faults.calls import Position, positions_of
from cluster.support.faults.judge import Outcome, all_hold, calls_of, check_next, holds
from cluster.support.faults.operations import OPERATIONS, Case, Operation
from cluster.support.faults.proxy import Trouble
from cluster.support.faults.samples import sampled
from cluster.support.faults.strikes import Hold

#: The calls of one process are independent of each other, so that one that is killed is good for this many cases.
_AT_ONCE = 32

#: How long a call may need to get to where it is held, in seconds.
_ON_ITS_WAY = 10.0

#: The operations whose calls are a connector's.
_CALLS = [operation for operation in OPERATIONS if not operation.is_of_python]


#: How long a request takes at most to arrive, in seconds.
_ARRIVES = 0.5


#: The calls of a connector after the sender of a create has given up.
_TAKES_BACK = {"GET statefulsets", "PATCH statefulsets", "DELETE statefulsets"}


@dataclass(frozen=True)
class Held:
    """A call that is held at one of its API calls.

    Attributes:
        operation: The operation.
        position: The API call.
        hold: What holds it.
        when: The moment, in words.
    """

    operation: Operation
    position: Position
    hold: Hold
    when: str


def _holds(operation: Operation, arena: Arena) -> list[Held]:
    found = []
    for position in positions_of(calls_of(operation, arena)):
        found += [
            Held(operation, position, Hold(acts_first=False), "before the API server has heard of it"),
            Held(operation, position, Hold(acts_first=True), "after the API server has acted"),
            Held(operation, position, Hold(acts_first=False, acts_late=True), "just before the API server acts"),
        ]
    return found


@pytest.mark.parametrize("operation", _CALLS, ids=lambda operation: operation.name)
def test_a_call_whose_sender_gives_up_at_any_moment_can_be_repeated(arena: Arena, operation: Operation) -> None:
    holds = sampled(_holds(operation, arena), f"given up {operation.name}")
    all_hold(arena, [partial(_give_up, arena, held) for held in holds])


def _give_up(arena: Arena, held: Held) -> Outcome:
    case = Case(arena)

    def body() -> None:
        held.operation.prepare(case)
        trouble = Trouble({held.position: held.hold}, stays=held.position)
        arena.proxy.trouble(case.name, trouble)
        sender = Caller(arena.first.port)
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(held.operation.answer, case, sender)
            assert held.hold.reached.wait(_ON_ITS_WAY), f"answered with {call.result()}; {trouble.keys}"
            # Cancels the call in the connector, which cancels the core's future at its await.
            sender.channel.close()
            call.exception()
        # Requests that were sent beside the held call may still be on their way.
        time.sleep(_ARRIVES)
        after = Trouble()
        arena.proxy.trouble(case.name, after)
        held.hold.let_go()
        trouble.settle()
        check_next(held.operation, case)
        allowed = _TAKES_BACK if held.operation.creates else set()
        assert set(after.keys) <= allowed, f"the connector went on with {after.keys}"

    return holds(held.operation.name, f"given up at {held.position}, {held.when}", case, body)


def test_a_connector_killed_at_any_moment_loses_nothing(arena: Arena, tmp_path: Path) -> None:
    every = iter(sampled((held for operation in _CALLS for held in _holds(operation, arena)), "killed"))
    starts = (partial(Connector, arena.environment, tmp_path / f"killed-{number}.log") for number in range(100))
    with ThreadPoolExecutor(1) as pool:
        spare = pool.submit(next(starts))
        try:
            while batch := list(islice(every, _AT_ONCE)):
                connector = spare.result()
                # The next one comes up meanwhile.
                spare = pool.submit(next(starts))
                _kill(arena, batch, connector)
        finally:
            spare.result().stop()


def _kill(arena: Arena, batch: list[Held], connector: Connector) -> None:
    cases = [Case(arena) for _ in batch]
    troubles = [Trouble({held.position: held.hold}, stays=held.position) for held in batch]
    with ThreadPoolExecutor(len(batch)) as pool:
        list(pool.map(lambda held, case: held.operation.prepare(case), batch, cases))
        for case, trouble in zip(cases, troubles, strict=True):
            arena.proxy.trouble(case.name, trouble)
        calls = [pool.submit(held.operation.answer, case, connector) for held, case in zip(batch, cases, strict=True)]
        try:
            for held, call, trouble in zip(batch, calls, troubles, strict=True):
                described = f"{held.operation.name} at {held.position}, {held.when}"
                assert held.hold.reached.wait(_ON_ITS_WAY), f"{described}: {call.result()}; {trouble.keys}"
        finally:
            connector.kill()
            for held in batch:
                held.hold.let_go()
    connector.channel.close()
    for case, trouble in zip(cases, troubles, strict=True):
        trouble.settle()
        arena.proxy.trouble(case.name, Trouble())
    all_hold(arena, [partial(_carry_on, held, case) for held, case in zip(batch, cases, strict=True)])


def _carry_on(held: Held, case: Case) -> Outcome:
    what = f"killed at {held.position}, {held.when}"
    return holds(held.operation.name, what, case, lambda: check_next(held.operation, case))
