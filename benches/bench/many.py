"""The cost of watching very many services, and whether it slows the answers down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.api_requests import reads_answered
from bench.bare import BareCluster, bare_cluster
from bench.calls import get_request, metadata_of
from bench.connectors import OURS, serve_ours
from bench.errors import BenchError
from bench.gets import checked_get
from bench.load import IN_FLIGHT, Tally, keep_in_flight, stubs, turns
from bench.population import copy, make_namespace, template, write
from bench.probe import of_ours, probe
from bench.raw_api import NAMESPACE, RawApi
from bench.results import Figure, Results, Target
from bench.stage import Stage
from bench.written import PODS_EACH, Service

#: A namespace of its own, since there is one watch per namespace.
_NAMESPACE_ALONE = "flyte-alone"
_ALONE = "ours, of 1"

_MOST_FILLS = 3
_SECONDS = 0.4
_WARM_UP_SECONDS = 1.0
_WARM_UPS = 30


def measure_many(stage: Stage, results: Results) -> None:
    """Measures memory, time and answers with very many services in one namespace, and answers beside one alone."""
    with bare_cluster(stage.progress) as bare:
        services = _services(stage)
        alone = Service(f"{stage.prefix}alone")
        stage.progress(f"writing {len(services):,} services of {PODS_EACH} pods")
        make_namespace(bare.api, _NAMESPACE_ALONE)
        made_of = template(stage)
        write(bare.api, _NAMESPACE_ALONE, made_of, alone)
        *others, unnamed, unscheduled, last = services
        for service in (unnamed, unscheduled):
            write(bare.api, NAMESPACE, made_of, service)
        written = write(bare.api, NAMESPACE, made_of, last)
        copy(bare.etcd, NAMESPACE, written, [service.name for service in others], stage.progress)
        _measure_fill(stage, results, bare, services, alone)
        asyncio.run(_measure_gets(stage, results, bare, services, alone))


def _services(stage: Stage) -> list[Service]:
    names = [f"{stage.prefix}{number:06}" for number in range(stage.services)]
    # Near the end of each list, so that they show when pods and endpoint slices are known.
    unnamed, unscheduled = names[-3:-1]
    return [Service(name, schedulable=name != unscheduled, named=name != unnamed) for name in names]


def _measure_fill(stage: Stage, results: Results, bare: BareCluster, services: list[Service], alone: Service) -> None:
    of_all = f"of {len(services):,} services"
    figures = {
        "seconds": Figure(f"first get until all is known {of_all}", "s"),
        "filled": Figure(f"memory {of_all}, when all is known", "MiB"),
        "settled": Figure(f"memory {of_all}, 5 s later", "MiB"),
        "peak": Figure(f"memory {of_all}, peak", "MiB"),
    }
    look_ups = Figure(f"look-ups {of_all}, one thread", "per second")
    question = {
        "namespace": NAMESPACE,
        "names": [service.name for service in services],
        "unscheduled": next(service.name for service in services if not service.schedulable),
        "unnamed": next(service.name for service in services if not service.named),
        "namespace_alone": _NAMESPACE_ALONE,
        "alone": alone.name,
    }
    rounds = min(stage.rounds, _MOST_FILLS)
    for round in range(rounds):
        stage.announce(f"fill {of_all}", round, rounds)
        for who, venv in of_ours(stage).items():
            answer = probe(stage, "fill", bare.kubeconfig, question, venv)
            for key, figure in figures.items():
                figure.add(who, answer[key])
            look_ups.add(who, answer["look_ups"])
            if who == OURS:
                look_ups.add(_ALONE, answer["look_ups_alone"])
    results.figures += [*figures.values(), look_ups]
    seconds = figures["seconds"].spread(OURS).median
    memory = max(figures["filled"].spread(OURS).median, figures["settled"].spread(OURS).median)
    unchanged = look_ups.ratio(OURS, _ALONE).median
    results.targets += [
        Target.at_most(f"at most 100 MiB for what is known {of_all}", memory, 100.0, " MiB"),
        Target.at_most(f"at most 15 s from the first get until all is known {of_all}", seconds, 15.0, " s"),
        Target.at_least(f"look-ups {of_all}: at least 0.9 of the rate of 1 service", unchanged, 0.9, ""),
    ]


async def _measure_gets(
    stage: Stage, results: Results, bare: BareCluster, services: list[Service], alone: Service
) -> None:
    of_all = f"of {len(services):,} services"
    rate = Figure(f"gets {of_all}, {IN_FLIGHT} in flight", "per second")
    ready = [service.name for service in services if service.schedulable and service.named]
    requests = {
        OURS: [get_request(metadata_of(name, NAMESPACE)) for name in ready],
        _ALONE: [get_request(metadata_of(alone.name, _NAMESPACE_ALONE)) for _ in ready],
    }
    with (
        TemporaryDirectory(prefix="bench-logs-") as logs,
        serve_ours([OURS, _ALONE], stage.venvs.ours, bare.kubeconfig, Path(logs)) as connectors,
    ):
        async with stubs(connectors) as stub_of:
            calls = {who: checked_get(stub_of[who], requests[who], who) for who in requests}
            for call in calls.values():
                await _warm_up(bare.api, call)
            for round in range(stage.rounds):
                stage.announce(f"gets {of_all}", round)
                tallies = {who: Tally() for who in calls}
                for who in turns(list(calls), round):
                    await keep_in_flight(calls[who], _SECONDS, tallies[who])
                for who, tally in tallies.items():
                    rate.add(who, tally.rate)
    results.figures.append(rate)
    ratio = rate.ratio(OURS, _ALONE).median
    results.targets.append(Target.at_least(f"gets {of_all}: at least 0.9 of the rate of 1 service", ratio, 0.9, ""))


async def _warm_up(api: RawApi, call: Callable[[], Awaitable[None]]) -> None:
    """Gets until all answers come from memory: a watch that still fills leaves them to the API server."""
    for _ in range(_WARM_UPS):
        before = reads_answered(api)
        # An answer of a watch that still fills need not say yet that a service is ready.
        with suppress(BenchError):
            await keep_in_flight(call, _WARM_UP_SECONDS)
            if reads_answered(api) == before:
                return
    raise BenchError(f"After {_WARM_UPS * _WARM_UP_SECONDS:.0f} s the connector still asks the API server at each get.")
