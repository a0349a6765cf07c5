"""The time that a day takes in the test kit's cluster in memory, where a service ends by its time to live."""

from __future__ import annotations

from bench.connectors import OURS
from bench.processes import run
from bench.results import Figure, Results, Target
from bench.stage import Stage

_FEWEST_ROUNDS = 10

_PROBE = """
import os, time
from k8sdataservice._core import FakeCluster as Core
from k8sdataservice.testing.fake import FakeCluster
core = Core.start()
os.environ |= {"K8SDATASERVICE_LOCAL": "processes", "K8SDATASERVICE_LOCAL_SOCKET": str(core.socket)}
cluster = FakeCluster(core)
store = cluster.create({"Name": "store", "Image": "redis:7", "Port": 6379, "Lifetime": {"ttl": "1d"}})
cluster.advance("1m")
assert store.status().phase == "Ready"
began = time.perf_counter()
cluster.advance("1d")
took = time.perf_counter() - began
assert store.status().reason == "StatefulSetNotFound"
cluster.close()
print(took * 1000)
"""


def measure_virtual_time(stage: Stage, results: Results) -> None:
    """Measures how long a day takes, in processes of their own."""
    figure = Figure("24 h of virtual time, with a service that ends by its ttl", "ms", comparable=False)
    rounds = max(_FEWEST_ROUNDS, stage.rounds)
    for round in range(-1, rounds):
        stage.announce("virtual time", round, rounds)
        took = float(run([stage.venvs.ours.python, "-c", _PROBE], what="let a day pass").splitlines()[-1])
        if round >= 0:
            figure.add(OURS, took)
    results.figures.append(figure)
    value = figure.spread(OURS).median
    results.targets.append(Target.at_most(f"at most 100 ms for {figure.name}", value, 100.0, " ms"))
