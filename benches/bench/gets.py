"""How many gets of a ready service a connector answers, and how soon it answers one."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

import grpc

from bench.api_requests import reads_answered
from bench.calls import answered_name, create_request, get_request, is_ready, metadata_of, running_service
from bench.connectors import IDLE, OURS, PEER
from bench.errors import BenchError
from bench.load import IN_FLIGHT, Tally, keep_in_flight, stubs, turns
from bench.results import Figure, Results, Target
from bench.stage import Stage

_SECONDS = 0.4
_WARM_UP_SECONDS = 1.0
_SEQUENTIAL = 50
_READY_PATIENCE = 60.0


def measure_gets(stage: Stage, results: Results) -> None:
    """Measures gets per second with many in flight, and what they cost the API server."""
    rate = Figure(f"gets, {IN_FLIGHT} in flight", "per second")
    cost = Figure("reads of the API server for a get", "requests", comparable=False)
    whos = [connector.who for connector in stage.connectors]
    reads, gets = dict.fromkeys(whos, 0), dict.fromkeys(whos, 0)

    async def rounds() -> None:
        async with _calls(stage) as calls:
            for round in range(stage.rounds):
                stage.announce("gets", round)
                tallies = {who: Tally() for who in calls}
                of_round = dict.fromkeys(calls, 0)
                for who in turns(list(calls), round):
                    before = reads_answered(stage.cluster.api)
                    await keep_in_flight(calls[who], _SECONDS, tallies[who])
                    of_round[who] += reads_answered(stage.cluster.api) - before
                for who, tally in tallies.items():
                    rate.add(who, tally.rate)
                    cost.add(who, of_round[who] / tally.answered)
                    reads[who] += of_round[who]
                    gets[who] += tally.answered

    asyncio.run(rounds())
    if reads[PEER] < gets[PEER]:
        # The peer asks the API server at each get. A count that does not show it would not show ours either.
        raise BenchError(f"The API server has counted {reads[PEER]} reads for {gets[PEER]} gets of the peer: too few.")
    results.figures += [rate, cost]
    to_peer, to_idle = rate.ratio(OURS, PEER).median, rate.ratio(OURS, IDLE).median
    results.targets += [
        Target.at_least("at least 12 times the peer's gets per second", to_peer, 12.0, " times"),
        Target.at_least("at least 0.9 of the gets per second of a connector that does nothing", to_idle, 0.9, ""),
        Target("no request for a get", f"{reads[OURS]} in {gets[OURS]:,} gets", reads[OURS] == 0),
    ]


def measure_latency(stage: Stage, results: Results) -> None:
    """Measures single gets, one after the other."""
    median = Figure("one get, median", "ms")
    slow = Figure("one get, 99th percentile", "ms")

    async def rounds() -> None:
        async with _calls(stage) as calls:
            for round in range(stage.rounds):
                stage.announce("latency of a get", round)
                took: dict[str, list[float]] = {who: [] for who in calls}
                for who in turns(list(calls), round):
                    for _ in range(_SEQUENTIAL):
                        began = time.perf_counter()
                        await calls[who]()
                        took[who].append((time.perf_counter() - began) * 1000)
                for who, each in took.items():
                    median.add(who, statistics.median(each))
                    slow.add(who, statistics.quantiles(each, n=100)[-1])

    asyncio.run(rounds())
    results.figures += [median, slow]
    ratio = median.ratio(OURS, IDLE).median
    wanted = "at most 1.2 times one get of a connector that does nothing"
    results.targets.append(Target.at_most(wanted, ratio, 1.2, " times"))


@asynccontextmanager
async def _calls(stage: Stage) -> AsyncIterator[dict[str, Callable[[], Awaitable[None]]]]:
    """Brings up a service, and gives for each connector a call that gets it, once that is warm."""
    async with stubs(stage.connectors) as stub_of:
        request = get_request(metadata_of(await ready_service(stage, stub_of[OURS])))
        calls = {who: checked_get(stub, [request], who) for who, stub in stub_of.items()}
        for call in calls.values():
            await keep_in_flight(call, _WARM_UP_SECONDS)
        yield calls


def checked_get(stub: Any, requests: Sequence[Any], who: str) -> Callable[[], Awaitable[None]]:
    """Returns a call that gets a ready service, each in its turn, and fails unless the answer says that it is ready."""
    turns = cycle(requests)

    async def call() -> None:
        # A rate of wrong answers would be worth nothing.
        try:
            answer = await stub.GetTask(next(turns), timeout=10)
        except grpc.RpcError as error:
            raise BenchError(f"A get of a ready service failed ({who}): {error.details()}") from error
        if not is_ready(answer):
            raise BenchError(f"A get did not say that a ready service is ready ({who}): {answer.resource.message}")

    return call


async def ready_service(stage: Stage, stub: Any) -> str:
    """Brings up a service, unless an earlier measurement has, and returns its name.

    Raises:
        BenchError: It does not get ready.
    """
    stage.progress("bringing up the service to ask for")
    config = running_service(f"{stage.prefix}asked")
    name = answered_name(await stub.CreateTask(create_request(config), timeout=10))
    end = time.monotonic() + _READY_PATIENCE
    while not is_ready(answer := await stub.GetTask(get_request(metadata_of(name)), timeout=10)):
        if time.monotonic() > end:
            raise BenchError(f"The service {name} did not get ready. {answer.resource.message}")
        await asyncio.sleep(0.1)
    return name
