"""Creates that run into their deadline, or whose sender gives up: nothing is left that no caller knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from cluster.support.connector import Caller, Connector
from cluster.support.faults.arena import Arena
from cluster.support.faults.calls import Position
from cluster.support.faults.exchange import Exchange
from cluster.support.faults.operations import Case
from cluster.support.faults.proxy import Strike, Trouble
from cluster.support.faults.strikes import Hold
from cluster.support.kubernetes import wait_until

#: How long a create tries here, and how many run at once.
TIMEOUT = 1.0
MANY = 50

#: How long what is taken back may take, in seconds.
TAKES_BACK = 75.0

#: For how long to look at the service of another connector, in seconds.
STAYS = 3.0


@pytest.fixture
def hasty(arena: Arena, tmp_path: Path) -> Iterator[Connector]:
    """Returns a connector behind the proxy whose creates end soon."""
    variables = {"K8SDATASERVICE_CREATE_TIMEOUT": f"{TIMEOUT}s"}
    connector = Connector(arena.environment | variables, tmp_path / "hasty.log")
    yield connector
    connector.stop()


def slow_to_hear(seconds: float) -> Strike:
    def strike(exchange: Exchange) -> None:
        time.sleep(seconds)
        exchange.reply(exchange.act())

    return strike


def slow_to_answer(seconds: float) -> Strike:
    def strike(exchange: Exchange) -> None:
        answer = exchange.act()
        time.sleep(seconds)
        exchange.reply(answer)

    return strike


#: The delays of an API server under load, of one create each: all in time, or one of the requests or its answer late.
LOADS: list[dict[Position, Strike]] = [
    {Position("POST statefulsets", 0): slow_to_hear(0.2)},
    {Position("POST statefulsets", turn): slow_to_hear(1.5 * TIMEOUT) for turn in range(3)},
    {
        **{Position("POST statefulsets", turn): slow_to_answer(1.5 * TIMEOUT) for turn in range(3)},
        **{Position("GET statefulsets", 0): slow_to_answer(1.5 * TIMEOUT)},
    },
    # A repeated request arrives long after the first one, and makes the service a second time.
    {Position("POST statefulsets", turn): slow_to_hear((1.2 + 3 * turn) * TIMEOUT) for turn in range(3)},
    {Position("POST services", turn): slow_to_hear(1.5 * TIMEOUT) for turn in range(3)},
    {Position("POST services", turn): slow_to_answer(1.5 * TIMEOUT) for turn in range(3)},
]


def test_nothing_is_left_of_creates_that_run_into_their_deadline(arena: Arena, hasty: Connector) -> None:
    cases = [Case(arena) for _ in range(MANY)]
    troubles = [Trouble(LOADS[number % len(LOADS)]) for number in range(MANY)]
    for case, trouble in zip(cases, troubles, strict=True):
        arena.proxy.trouble(case.name, trouble)
    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(lambda case: answer(lambda: case.create(hasty)), cases))
        lost = [case for case, name in zip(cases, answers, strict=True) if name != case.name]
        print(f"{len(lost)} of {MANY} creates had no answer")
        assert len(lost) >= MANY // 5, answers
    # Flyte repeats some of them at once, on another connector. What that one answers has to stay.
    repeated = lost[::2]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda case: until_answered(case, arena.second), repeated))
    for trouble in troubles:
        trouble.settle()
    left = [case.name for case in lost if case not in repeated]
    known = [case for case in cases if case.name not in left]
    wait_until(lambda: not any(arena.of_service(name) for name in left), "it to be taken back", TAKES_BACK)
    time.sleep(STAYS)
    assert not any(arena.of_service(name) for name in left), "it came back"
    for case in known:
        assert set(arena.of_service(case.name)) == {"statefulsets", "services"}, case.name
        arena.second.delete(case.resource_meta)
        assert not arena.of_service(case.name)


@pytest.mark.parametrize("key", ["POST statefulsets", "POST services"])
@pytest.mark.parametrize("acts", ["before", "after"])
@pytest.mark.parametrize("repeats", [False, True], ids=["given-up", "repeated"])
def test_nothing_is_left_of_a_create_that_is_cancelled(arena: Arena, key: str, acts: str, repeats: bool) -> None:
    case = Case(arena)
    hold = Hold(acts_first=acts == "before", acts_late=acts == "after")
    trouble = Trouble({Position(key, 0): hold})
    arena.proxy.trouble(case.name, trouble)
    sender = Caller(arena.first.port)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(case.create, sender)
        assert hold.reached.wait(10)
        sender.channel.close()
        call.exception()
    if repeats:
        assert case.create(arena.second) == case.name
    hold.let_go()
    trouble.settle()
    if not repeats:
        wait_until(lambda: not arena.of_service(case.name), "it to be taken back", TAKES_BACK)
        return
    end = time.monotonic() + STAYS
    while time.monotonic() < end:
        assert set(arena.of_service(case.name)) == {"statefulsets", "services"}
        time.sleep(0.2)
    arena.second.delete(case.resource_meta)
    assert not arena.of_service(case.name)


def until_answered(case: Case, caller: Caller) -> None:
    wait_until(lambda: answer(lambda: case.create(caller)) == case.name, "the repeated create to be answered")


def answer(create: Callable[[], str]) -> str:
    try:
        return create()
    except grpc.RpcError as error:
        return str(error.code())
