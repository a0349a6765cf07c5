"""The property that every case has to have, whatever went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc

from cluster.support.connector import Caller
from cluster.support.faults.arena import BYSTANDERS, Arena, unchanging
from cluster.support.faults.operations import PLAIN, Case, Operation
from cluster.support.faults.proxy import Trouble
from cluster.support.kubernetes import wait_until

#: How many cases run at once. Most of their time they wait.
_AT_ONCE = 8

#: For how long polls may be behind, in seconds.
_POLLS = 5.0


@dataclass(frozen=True)
class Outcome:
    """The outcome of a case.

    Attributes:
        case: What was tried, in words.
        problem: What is wrong; empty where nothing is.
    """

    case: str
    problem: str = ""


def check_now(operation: Operation, case: Case) -> None:
    """Checks that the cluster holds what it has to, once the call was answered rightly."""
    there = case.arena.of_service(case.name)
    if operation.leaves == "theirs":
        assert unchanging(there) == unchanging(case.theirs), f"somebody else's objects have changed: {there}"
    elif operation.leaves == "nothing":
        assert not there, f"left behind: {there}"
    else:
        assert set(there) == operation.kinds, f"there is {list(there)}"
        owner = there.pop("statefulsets")["metadata"]["uid"]
        for kind, found in there.items():
            owners = [reference["uid"] for reference in found["metadata"].get("ownerReferences", [])]
            assert owners == [owner], f"the one of {kind} is not the StatefulSet's"


def check_next(operation: Operation, case: Case) -> None:
    """Repeats the call as Flyte would, on another process, and deletes its service: nothing may be left."""
    arena = case.arena
    right = operation.right.format(name=case.name)
    again = answer_at_last(operation, case, arena.second)
    assert again == right, f"repeated on another process it was answered with {again}"
    check_now(operation, case)
    if operation.act == Case.create and right == case.name:
        case.execution = case.execution.retried()
        assert operation.answer(case, arena.second) == right, "the next attempt got another answer"
        check_now(operation, case)
    if case.resource_meta:
        arena.second.delete(case.resource_meta)
    there = arena.of_service(case.name)
    if case.theirs:
        assert unchanging(there) == unchanging(case.theirs), f"delete has changed somebody else's objects: {there}"
    else:
        assert set(there) <= operation.kinds - PLAIN, f"left behind by delete: {there}"
        # The garbage collector deletes the other dependents of the StatefulSet.
        wait_until(lambda: not arena.of_service(case.name), "all of the service to be gone", timeout=10)
    arena.remove(case.name)


def answer_at_last(operation: Operation, case: Case, caller: Caller) -> str:
    """Calls, and polls on as Flyte does, since a poll may be behind what has happened."""
    right = operation.right.format(name=case.name)
    answer = operation.answer(case, caller)
    end = time.monotonic() + _POLLS
    while answer != right and answer in operation.meanwhile and operation.polls and time.monotonic() < end:
        answer = operation.answer(case, caller)
    return answer


def calls_of(operation: Operation, arena: Arena) -> list[str]:
    """Runs an operation without any fault, and returns the calls that it makes whatever Kubernetes does meanwhile.

    Kubernetes writes to an object just after its creation, and a delete that meets that is repeated, such as that of a
    create that takes back what it made. Of several runs the one with the fewest calls did not have to repeat any.
    """
    repeats = 1 if operation.polls else 3
    return min((_calls_of_one_run(operation, arena) for _ in range(repeats)), key=len)


def _calls_of_one_run(operation: Operation, arena: Arena) -> list[str]:
    case = Case(arena)
    operation.prepare(case)
    case.settle()
    right = operation.right.format(name=case.name)
    end = time.monotonic() + _POLLS
    while True:
        trouble = Trouble()
        arena.proxy.trouble(case.name, trouble)
        answer = operation.answer(case, arena.first)
        # A poll may be behind; the calls are those of the one that is not.
        is_behind = answer != right and operation.polls and answer in operation.meanwhile
        if not is_behind or time.monotonic() > end:
            break
    assert answer == right, f"answered with {answer}; {trouble.keys}"
    keys = list(trouble.keys)
    assert keys, "the operation calls nobody"
    check_now(operation, case)
    check_next(operation, case)
    return keys


def holds(does: str, what: str, case: Case, body: Callable[[], None]) -> Outcome:
    """Runs a case and cleans up behind it.

    Args:
        does: What is done, in words.
        what: What goes wrong meanwhile, in words.
        case: The case.
        body: What happens; it fails with an assertion.
    """
    described = f"{does}, {what}"
    try:
        body()
    except (AssertionError, grpc.RpcError) as error:
        return Outcome(described, str(error) or repr(error))
    finally:
        case.arena.proxy.trouble(case.name, Trouble())
        case.arena.remove(case.name)
    return Outcome(described)


def all_hold(arena: Arena, runs: Iterable[Callable[[], Outcome]]) -> int:
    """Runs cases side by side, fails with all that went wrong, and returns how many there were."""
    before = arena.bystanders()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = list(pool.map(lambda run: run(), runs))
    wrong = [f"{outcome.case}: {outcome.problem}" for outcome in done if outcome.problem]
    assert not wrong, f"{len(wrong)} of {len(done)} cases went wrong:\n" + "\n".join(wrong)
    assert arena.bystanders() == before, "a bystander was touched"
    for kind, named in arena.objects().items():
        assert set(named) <= set(BYSTANDERS), f"{kind} under names that nobody asked for: {sorted(named)}"
    print(f"{len(done)} cases")
    return len(done)
