"""How long a plan takes beside the one request that it cannot do without."""

from __future__ import annotations

import statistics
import time

from bench.calls import running_service
from bench.connectors import OURS
from bench.errors import BenchError
from bench.probe import probe
from bench.raw_api import NAMESPACE, STATEFUL_SETS, Object
from bench.results import Figure, Results
from bench.stage import Stage

RAW = "one dry-run create"

_PLANS = 20


def measure_plans(stage: Stage, results: Results) -> None:
    """Measures a plan of a service that can run against a dry-run create of its StatefulSet alone."""
    figure = Figure("plan, median", "ms")
    config = running_service(f"{stage.prefix}planned")
    [stateful_set] = [each for each in stage.manifests([config])[0] if each["kind"] == "StatefulSet"]
    question = {"config": config, "namespace": NAMESPACE, "plans": _PLANS}
    for round in range(stage.rounds):
        stage.announce("plans", round)
        figure.add(OURS, 1000 * probe(stage, "plans", stage.cluster.kubeconfig, question))
        figure.add(RAW, 1000 * _dry_run(stage, stateful_set))
    results.figures.append(figure)


def _dry_run(stage: Stage, stateful_set: Object) -> float:
    seconds = []
    for _ in range(_PLANS):
        began = time.perf_counter()
        status, answer = stage.cluster.api.request("POST", f"{STATEFUL_SETS}?dryRun=All", stateful_set)
        seconds.append(time.perf_counter() - began)
        if status != 201:
            raise BenchError(f"The dry run was answered with {status}: {answer.get('message')}")
    return statistics.median(seconds)
