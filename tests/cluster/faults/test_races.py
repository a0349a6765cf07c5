"""Two connectors at work on one service: every place at which the one can come between two API calls of the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from cluster.support.faults.arena import Arena, unchanging
from cluster.support.faults.calls import Position, positions_of
from cluster.support.faults.judge import Outcome, all_hold, holds
from cluster.support.faults.operations import Case
from cluster.support.faults.proxy import Trouble
from cluster.support.faults.races import RACES, Race
from cluster.support.faults.samples import sampled
from cluster.support.faults.strikes import Pause
from cluster.support.kubernetes import Object, wait_until


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_calls_that_meet_leave_a_whole_service_or_none(arena: Arena, race: Race) -> None:
    runs: list[Callable[[], Outcome]] = [
        partial(_run, arena, race, position, acts_first)
        for position in _positions(arena, race)
        for acts_first in (False, True)
    ]
    all_hold(arena, sampled(runs, f"races {race.name}"))


def _positions(arena: Arena, race: Race) -> list[Position]:
    case = Case(arena)
    race.prepare(case)
    case.settle()
    trouble = Trouble()
    arena.proxy.trouble(case.name, trouble)
    race.held(case, arena.first)
    arena.remove(case.name)
    return positions_of(trouble.keys)


def _run(arena: Arena, race: Race, position: Position, acts_first: bool) -> Outcome:
    case = Case(arena)

    def body() -> None:
        race.prepare(case)
        pause = Pause(acts_first)
        trouble = Trouble({position: pause})
        arena.proxy.trouble(case.name, trouble)
        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(race.held, case, arena.first)
            assert pause.reached.wait(10), "the call never came"
            try:
                other = race.other(case, arena.second)
                meanwhile = arena.of_service(case.name)
            finally:
                pause.end()
            answers = {held.result(), other}
        trouble.settle()
        assert answers <= {case.name, "done", "SUCCEEDED"}, f"answered with {answers}; {trouble.keys}"
        # The garbage collector may have to take a Service whose StatefulSet was deleted meanwhile.
        wait_until(lambda: _is_whole_or_gone(arena.of_service(case.name)), "a whole service or none", timeout=10)
        if race.survives:
            there = arena.of_service(case.name)
            assert unchanging(there) == unchanging(meanwhile), f"what was made meanwhile is gone: {there}"
        assert case.create(arena.second) == case.name
        assert _is_whole_or_gone(arena.of_service(case.name))
        assert arena.of_service(case.name), "the next create made nothing"
        arena.second.delete(case.resource_meta)
        arena.remove(case.name)

    when = "after" if acts_first else "before"
    return holds(race.name, f"{when} {position}", case, body)


def _is_whole_or_gone(objects: dict[str, Object]) -> bool:
    if not objects:
        return True
    if set(objects) != {"statefulsets", "services"}:
        return False
    owners = [owner["uid"] for owner in objects["services"]["metadata"].get("ownerReferences", [])]
    return owners == [objects["statefulsets"]["metadata"]["uid"]]


def test_the_same_creates_and_deletes_from_two_connectors_at_once_are_one(arena: Arena) -> None:
    def both(case: Case) -> Outcome:
        def body() -> None:
            with ThreadPoolExecutor(2) as pool:
                metas = list(
                    pool.map(
                        lambda connector: connector.create(case.custom, case.execution), (arena.first, arena.second)
                    )
                )
                assert metas[0] == metas[1]
                there = arena.of_service(case.name)
                assert len(there) == 2, f"there is {there}"
                assert _is_whole_or_gone(there)
                list(pool.map(lambda connector: connector.delete(metas[0]), (arena.first, arena.second)))
            assert not arena.of_service(case.name)

        return holds("both", "at once", case, body)

    all_hold(arena, [partial(both, Case(arena)) for _ in range(30)])
