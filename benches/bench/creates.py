"""How many services a connector makes at once, and how many of them come out right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import grpc

from bench.calls import answered_name, create_request, pending_service
from bench.connectors import OURS, PEER
from bench.load import IN_FLIGHT, call_each, rotated, stubs
from bench.raw_api import SERVICES, STATEFUL_SETS, Object, RawApi
from bench.results import Faults, Figure, Results, Target
from bench.stage import Stage

RAW = "plain HTTP"

#: Few enough for a small node to forget them quickly, enough to keep all calls in flight for a while.
_CREATES = 64
_CREATED = 201

# The name that was answered for a name that was asked for; None is an error.
Create = Callable[[str], Awaitable[str | None]]


def measure_creates(stage: Stage, results: Results) -> None:
    """Measures creates per second with many in flight, and counts what went wrong."""
    rate = Figure(f"creates, {IN_FLIGHT} in flight", "per second")
    faults = {who: Faults(who) for who in (OURS, PEER, RAW)}
    asyncio.run(_rounds(stage, rate, faults))
    results.figures.append(rate)
    results.faults += faults.values()
    ratio = rate.ratio(OURS, PEER).median
    # The peer's failed creates count as creates, in its favour.
    results.targets.append(Target.at_least("at least 3 times the peer's creates per second", ratio, 3.0, " times"))
    results.targets.append(Target("no create goes wrong", _in_words(faults[OURS]), faults[OURS].none))


async def _rounds(stage: Stage, rate: Figure, faults: dict[str, Faults]) -> None:
    api = stage.cluster.api
    rounds = range(-1, stage.rounds)
    names = {
        (who, round): [f"{stage.prefix}{round + 1}-{kind}-{number}" for number in range(_CREATES)]
        for kind, who in enumerate([*(each.who for each in stage.connectors), RAW])
        for round in rounds
    }
    objects = stage.manifests([pending_service(name) for round in rounds for name in names[RAW, round]])
    manifests = {made[0]["metadata"]["name"]: made for made in objects}
    async with stubs(stage.connectors) as stub_of:
        with ThreadPoolExecutor(IN_FLIGHT) as threads:
            creates: dict[str, Create] = {who: partial(_create, stub) for who, stub in stub_of.items()}
            creates[RAW] = partial(_create_raw, api, threads, manifests)
            for round in rounds:
                stage.announce("creates", round)
                for who in rotated(list(creates), round):
                    asked = names[who, round]
                    began = time.perf_counter()
                    answered = await call_each(creates[who], asked)
                    took = time.perf_counter() - began
                    if round >= 0:
                        rate.add(who, len(asked) / took)
                        if who in faults:
                            _count(faults[who], api, asked, answered)
                    # Also lets the cluster come to rest, which has to start pods for what was made.
                    api.remove(f"{stage.prefix}{round + 1}-")


async def _create(stub: Any, name: str) -> str | None:
    try:
        return answered_name(await stub.CreateTask(create_request(pending_service(name)), timeout=60))
    except grpc.RpcError:
        return None


async def _create_raw(
    api: RawApi, threads: ThreadPoolExecutor, manifests: dict[str, list[Object]], name: str
) -> str | None:
    def create_both() -> bool:
        return all(api.create(content) == _CREATED for content in manifests[name])

    return name if await asyncio.get_running_loop().run_in_executor(threads, create_both) else None


def _count(faults: Faults, api: RawApi, asked: Sequence[str], answered: Sequence[str | None]) -> None:
    names = [name for name in answered if name is not None]
    prefix = asked[0].rpartition("-")[0] + "-"
    stateful_sets, services = api.names(STATEFUL_SETS, prefix), api.names(SERVICES, prefix)
    faults.asked += len(asked)
    faults.errors += answered.count(None)
    faults.wrong_names += sum(one is not None and one != name for name, one in zip(asked, answered, strict=True))
    faults.repeated_names += len(names) - len(set(names))
    faults.half_made += len(stateful_sets ^ services)
    answered_for = {name for name, one in zip(asked, answered, strict=True) if one is not None}
    faults.lost += len(answered_for - stateful_sets - services)


def _in_words(faults: Faults) -> str:
    if faults.none:
        return f"{faults.asked} of {faults.asked} right"
    return (
        f"of {faults.asked}: {faults.errors} errors, {faults.wrong_names} wrong names, {faults.repeated_names} names "
        f"answered twice, {faults.half_made} half made, {faults.lost} lost"
    )
