"""The cost of polls of services that do not come up: in an incident all of them are stuck at once."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc

from bench.api_requests import reads_answered
from bench.bare import BareCluster, bare_cluster
from bench.calls import get_request, is_ready, metadata_of
from bench.connectors import BEFORE, IDLE, OURS, Connector, serve_ours
from bench.errors import BenchError
from bench.load import IN_FLIGHT, Tally, keep_in_flight, stubs, turns
from bench.population import copy, make_namespace, template, write
from bench.results import Figure, Results, Target
from bench.stage import Stage
from bench.stuck_services import REASONS, StuckService, event

#: How many services are stuck, of all kinds alike.
_COUNTS = (20, 2_000)

#: How many events a busy namespace has of other things: those of one hour, as long as the API server keeps them.
_EVENTS = 5_000

_SECONDS = 0.4
_WARM_UP_SECONDS = 1.0
_WARM_UPS = 30
_QUIET_SECONDS = 0.3


def measure_stuck(stage: Stage, results: Results) -> None:
    """Measures gets of services that are stuck, beside a connector that does nothing, and what they cost."""
    with bare_cluster(stage.progress) as bare:
        for count in _COUNTS:
            names = _populate(stage, bare, count)
            asyncio.run(_measure(stage, results, bare, names))


def _populate(stage: Stage, bare: BareCluster, count: int) -> dict[str, list[str]]:
    """Writes the services and the other events into a namespace, and returns the services' names by their kind."""
    namespace = _namespace(count)
    stage.progress(f"writing {count:,} services that are stuck, among {_EVENTS:,} events")
    make_namespace(bare.api, namespace)
    made_of = template(stage)
    events = f"/api/v1/namespaces/{namespace}/events"
    names: dict[str, list[str]] = {}
    for kind in REASONS:
        names[kind] = [f"{stage.prefix}{kind[0]}{number:05}" for number in range(count // len(REASONS))]
        service = StuckService(names[kind][0], kind=kind)
        written = write(bare.api, namespace, made_of, service, pods=0 if kind == "quota" else 1)
        concerned = written[0] if kind == "quota" else written[1]
        written.append(bare.api.make(events, service.event(concerned)))
        copy(bare.etcd, namespace, written, names[kind][1:], stage.progress)
    other = bare.api.make(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": f"{stage.prefix}e00000"}})
    other |= {"apiVersion": "v1", "kind": "ConfigMap"}
    first = bare.api.make(events, event(other, "FailedScheduling", "0/3 nodes are available: 3 Insufficient memory."))
    others = [f"{stage.prefix}e{number:05}" for number in range(1, _EVENTS)]
    copy(bare.etcd, namespace, [first | {"kind": "Event"}], others, stage.progress, original=f"{stage.prefix}e00000")
    return names


async def _measure(stage: Stage, results: Results, bare: BareCluster, names: dict[str, list[str]]) -> None:
    count = sum(map(len, names.values()))
    of_all = f"of {count:,} stuck services"
    rate = Figure(f"gets {of_all}, {IN_FLIGHT} in flight", "per second")
    slow = Figure(f"gets {of_all}, {IN_FLIGHT} in flight, 99th percentile", "ms")
    reads = answered = 0
    namespace = _namespace(count)
    with (
        TemporaryDirectory(prefix="bench-logs-") as logs,
        serve_ours([OURS], stage.venvs.ours, bare.kubeconfig, Path(logs)) as ours,
        ExitStack() as stack,
    ):
        connectors: list[Connector] = [*ours, stage.connector(IDLE)]
        if stage.venvs.before:
            connectors += stack.enter_context(serve_ours([BEFORE], stage.venvs.before, bare.kubeconfig, Path(logs)))
        async with stubs(connectors) as stub_of:
            took: dict[str, list[float]] = {}
            calls = {
                OURS: _timed(_stuck_get(stub_of[OURS], namespace, names), took.setdefault(OURS, [])),
                IDLE: _timed(_idle_get(stub_of[IDLE], namespace, names), took.setdefault(IDLE, [])),
            }
            if BEFORE in stub_of:
                # Whatever it answers: what it takes is all that is asked.
                calls[BEFORE] = _timed(_idle_get(stub_of[BEFORE], namespace, names), took.setdefault(BEFORE, []))
            await _warm_up(bare, calls[OURS])
            for call in calls.values():
                await keep_in_flight(call, _WARM_UP_SECONDS)
            for round in range(stage.rounds):
                stage.announce(f"gets {of_all}", round)
                tallies = {who: Tally() for who in calls}
                for each in took.values():
                    each.clear()
                for who in turns(list(calls), round):
                    before = _when_quiet(bare)
                    await keep_in_flight(calls[who], _SECONDS, tallies[who])
                    if who == OURS:
                        reads += reads_answered(bare.api) - before
                for who, tally in tallies.items():
                    rate.add(who, tally.rate)
                    slow.add(who, statistics.quantiles(took[who], n=100)[-1])
                answered += tallies[OURS].answered
    results.figures += [rate, slow]
    results.targets += [
        Target.at_least(
            f"gets {of_all}: at least 0.9 of a connector that does nothing", rate.ratio(OURS, IDLE).median, 0.9, ""
        ),
        Target.at_most(
            f"gets {of_all}, 99th percentile: at most 3 times that of a connector that does nothing",
            slow.ratio(OURS, IDLE).median,
            3.0,
            " times",
        ),
        Target(f"no request for a get {of_all}", f"{reads} in {answered:,} gets", reads == 0),
    ]


def _when_quiet(bare: BareCluster) -> int:
    """Waits until the API server has answered what an earlier version still asks, and returns the count of reads."""
    while True:
        before = reads_answered(bare.api)
        time.sleep(_QUIET_SECONDS)
        if reads_answered(bare.api) == before:
            return before


def _namespace(count: int) -> str:
    return f"flyte-stuck-{count}"


def _timed(call: Callable[[], Awaitable[None]], took: list[float]) -> Callable[[], Awaitable[None]]:
    async def timed() -> None:
        began = time.perf_counter()
        await call()
        took.append((time.perf_counter() - began) * 1000)

    return timed


def _stuck_get(stub: Any, namespace: str, names: dict[str, list[str]]) -> Callable[[], Awaitable[None]]:
    """Returns a call that gets the services, each in its turn, and fails unless the answer has the right reason."""
    asked = cycle(
        [
            (get_request(metadata_of(name, namespace)), REASONS[kind])
            for named in zip(*names.values(), strict=True)
            for kind, name in zip(names, named, strict=True)
        ]
    )

    async def call() -> None:
        request, reason = next(asked)
        try:
            answer = await stub.GetTask(request, timeout=10)
        except grpc.RpcError as error:
            raise BenchError(f"A get of a stuck service failed: {error.details()}") from error
        found = dict(answer.resource.custom_info).get("reason")
        if is_ready(answer) or found != reason:
            raise BenchError(f"A get did not give the reason {reason}, but {found}: {answer.resource.message}")

    return call


def _idle_get(stub: Any, namespace: str, names: dict[str, list[str]]) -> Callable[[], Awaitable[None]]:
    asked = cycle([get_request(metadata_of(name, namespace)) for named in names.values() for name in named])

    async def call() -> None:
        await stub.GetTask(next(asked), timeout=10)

    return call


async def _warm_up(bare: BareCluster, call: Callable[[], Awaitable[None]]) -> None:
    """Gets until everything is known, so that the answers have their reasons and nothing is asked for any more."""
    problem = ""
    for _ in range(_WARM_UPS):
        before = reads_answered(bare.api)
        try:
            await keep_in_flight(call, _WARM_UP_SECONDS)
        except BenchError as error:
            problem = str(error)
            continue
        problem = ""
        if reads_answered(bare.api) == before:
            return
    # The figures show shortfalls, unless the answers themselves are wrong.
    if problem:
        raise BenchError(f"After {_WARM_UPS * _WARM_UP_SECONDS:.0f} s: {problem}")
