"""How many gets of a ready service a connector answers, and how soon it answers one."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from bench.calls import answered_name, create_request, get_request, is_ready, metadata_of, running_service
from bench.connectors import OURS, PEER
from bench.errors import BenchError
from bench.load import IN_FLIGHT, keep_in_flight, rotated, stubs
from bench.results import Figure, Results, Target
from bench.stage import Stage

_SECONDS = 2.0
_WARM_UP_SECONDS = 0.5
_SEQUENTIAL = 200
_READY_PATIENCE = 60.0


def measure_gets(stage: Stage, results: Results) -> None:
    """Measures gets per second with many in flight."""
    rate = Figure(f"gets, {IN_FLIGHT} in flight", "per second")

    async def one(call: Callable[[], Awaitable[None]], who: str) -> None:
        rate.add(who, await keep_in_flight(call, _SECONDS))

    asyncio.run(_rounds(stage, "gets", one))
    results.figures.append(rate)
    ratio = rate.ratio(OURS, PEER).median
    results.targets.append(Target.at_least("at least 3 times the peer's gets per second", ratio, 3.0, " times"))


def measure_latency(stage: Stage, results: Results) -> None:
    """Measures single gets, one after the other."""
    median = Figure("one get, median", "ms")
    slow = Figure("one get, 99th percentile", "ms")

    async def one(call: Callable[[], Awaitable[None]], who: str) -> None:
        took = []
        for _ in range(_SEQUENTIAL):
            began = time.perf_counter()
            await call()
            took.append((time.perf_counter() - began) * 1000)
        median.add(who, statistics.median(took))
        slow.add(who, statistics.quantiles(took, n=100)[-1])

    asyncio.run(_rounds(stage, "latency of a get", one))
    results.figures += [median, slow]


async def _rounds(
    stage: Stage, what: str, one: Callable[[Callable[[], Awaitable[None]], str], Awaitable[None]]
) -> None:
    async with stubs(stage.connectors) as stub_of:
        request = get_request(metadata_of(await _ready_service(stage, stub_of[OURS])))
        calls = {who: _checked_get(stub, request, who) for who, stub in stub_of.items()}
        for call in calls.values():
            await keep_in_flight(call, _WARM_UP_SECONDS)
        for round in range(stage.rounds):
            stage.announce(what, round)
            for connector in rotated(stage.connectors, round):
                await one(calls[connector.who], connector.who)


def _checked_get(stub: Any, request: Any, who: str) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        # A rate of wrong answers would be worth nothing.
        try:
            answer = await stub.GetTask(request, timeout=10)
        except grpc.RpcError as error:
            raise BenchError(f"A get of a ready service failed ({who}): {error.details()}") from error
        if not is_ready(answer):
            raise BenchError(f"A get did not say that a ready service is ready ({who}): {answer.resource.message}")

    return call


async def _ready_service(stage: Stage, stub: Any) -> str:
    stage.progress("bringing up the service to ask for")
    config = running_service(f"{stage.prefix}asked")
    name = answered_name(await stub.CreateTask(create_request(config), timeout=10))
    end = time.monotonic() + _READY_PATIENCE
    while not is_ready(answer := await stub.GetTask(get_request(metadata_of(name)), timeout=10)):
        if time.monotonic() > end:
            raise BenchError(f"The service {name} did not get ready. {answer.resource.message}")
        await asyncio.sleep(0.1)
    return name
