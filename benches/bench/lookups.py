"""How often one thread of Python can ask our core how a service is doing."""

from __future__ import annotations

import asyncio

from bench.connectors import OURS
from bench.gets import ready_service
from bench.load import stubs
from bench.probe import of_ours, probe
from bench.raw_api import NAMESPACE
from bench.results import Figure, Results, Target
from bench.stage import Stage

_SECONDS = 1.0
_WANTED = 50_000


def measure_lookups(stage: Stage, results: Results) -> None:
    """Measures `Client.get_known` of a service that the watch knows."""
    rate = Figure("look-ups in the core, one thread", "per second")
    name = asyncio.run(_ready_service(stage))
    question = {"name": name, "namespace": NAMESPACE, "seconds": _SECONDS}
    for round in range(stage.rounds):
        stage.announce("look-ups", round)
        for who, venv in of_ours(stage).items():
            rate.add(who, probe(stage, "lookups", stage.cluster.kubeconfig, question, venv))
    results.figures.append(rate)
    wanted = f"at least {_WANTED:,} look-ups per second"
    results.targets.append(Target.at_least(wanted, rate.spread(OURS).median, _WANTED, " per second"))


async def _ready_service(stage: Stage) -> str:
    async with stubs([stage.connector(OURS)]) as stub_of:
        return await ready_service(stage, stub_of[OURS])
