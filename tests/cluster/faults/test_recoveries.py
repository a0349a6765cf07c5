"""A service that recovers between the look that found it failed and its deletion is not deleted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from cluster.support.faults.arena import Arena
from cluster.support.faults.calls import Position, positions_of
from cluster.support.faults.judge import Outcome, all_hold, calls_of, holds
from cluster.support.faults.operations import OPERATIONS, Case
from cluster.support.faults.proxy import Trouble
from cluster.support.faults.strikes import Pause
from cluster.support.kubernetes import Object, wait_until

FAILED = next(operation for operation in OPERATIONS if operation.name == "get-failed")

#: How long a poll may be stopped so that it still has time for an answer, in seconds.
RECOVERS = 1.5


def test_a_service_that_recovers_before_it_is_deleted_stays(arena: Arena) -> None:
    positions = positions_of(calls_of(FAILED, arena))
    first_of_the_end = next(number for number, position in enumerate(positions) if position.key == "POST events")
    until_deleted = positions[first_of_the_end : positions.index(Position("DELETE statefulsets", 0)) + 1]
    assert len(until_deleted) >= 2
    all_hold(arena, [partial(_recovers_at, arena, position) for position in until_deleted])


def _recovers_at(arena: Arena, position: Position) -> Outcome:
    case = Case(arena)

    def body() -> None:
        FAILED.prepare(case)
        before = arena.of_service(case.name)
        pause = Pause(acts_first=False)
        trouble = Trouble({position: pause})
        arena.proxy.trouble(case.name, trouble)
        with ThreadPoolExecutor(1) as pool:
            poll = pool.submit(case.get, arena.first)
            assert pause.reached.wait(10), f"the call never came: {trouble.keys}"
            target = arena.target("statefulsets", case.name)
            # Without replicas it is ready.
            arena.server.patch(target, {"spec": {"replicas": 0}})
            wait_until(partial(_is_observed, arena, target), "Kubernetes to see it", timeout=RECOVERS)
            pause.end()
            answer = poll.result()
        trouble.settle()
        assert answer in (f"SUCCEEDED {case.name}", "INITIALIZING"), f"answered with {answer}"
        assert case.get(arena.second) == f"SUCCEEDED {case.name}"
        after = arena.of_service(case.name)
        assert {kind: found["metadata"]["uid"] for kind, found in after.items()} == {
            kind: found["metadata"]["uid"] for kind, found in before.items()
        }
        arena.second.delete(case.resource_meta)

    return holds("get-failed", f"recovers at {position}", case, body)


def _is_observed(arena: Arena, target: str) -> bool:
    there: Object = arena.server.get(target)
    return bool(there["status"].get("observedGeneration") == there["metadata"]["generation"])
