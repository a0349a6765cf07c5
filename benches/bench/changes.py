"""How soon a change in the cluster is in the answer."""

from __future__ import annotations

import statistics

from bench.bare import bare_cluster
from bench.connectors import OURS
from bench.population import template, write
from bench.probe import probe
from bench.raw_api import NAMESPACE
from bench.results import Figure, Results, Target
from bench.stage import Stage
from bench.written import Service

_CHANGES = 200
_WANTED = 100.0


def measure_changes(stage: Stage, results: Results) -> None:
    """Measures from the API server's reply to a change until a look-up reports it.

    The status of a StatefulSet is changed, where no controller takes the change back.
    """
    median = Figure("a change until it is in the answer, median", "ms")
    slow = Figure("a change until it is in the answer, 99th percentile", "ms")
    all_of_them: list[float] = []
    with bare_cluster(stage.progress) as bare:
        name = f"{stage.prefix}changes"
        write(bare.api, NAMESPACE, template(stage), Service(name))
        for round in range(stage.rounds):
            stage.announce("changes", round)
            question = {"name": name, "namespace": NAMESPACE, "changes": _CHANGES}
            seconds = probe(stage, "changes", bare.kubeconfig, question)
            took = [each * 1000 for each in seconds]
            median.add(OURS, statistics.median(took))
            slow.add(OURS, statistics.quantiles(took, n=100)[-1])
            all_of_them += took
    results.figures += [median, slow]
    value = statistics.quantiles(all_of_them, n=100)[-1]
    wanted = f"at most {_WANTED:.0f} ms from a change to the answer, 99th percentile of {len(all_of_them):,} changes"
    results.targets.append(Target.at_most(wanted, value, _WANTED, " ms"))
