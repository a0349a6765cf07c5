"""The stage that every figure needs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bench.calls import Config
from bench.cluster import Cluster
from bench.connectors import Connector
from bench.processes import run
from bench.progress import Progress
from bench.raw_api import NAMESPACE, Object
from bench.venvs import Venvs

_PRINT_MANIFESTS = f"""
import json, sys
from k8sdataservice._core import manifests
make = lambda config: list(manifests(config, namespace={NAMESPACE!r}, owner=config["Name"], execution="a benchmark"))
print(json.dumps([make(config) for config in json.load(sys.stdin)]))
"""


@dataclass(frozen=True)
class Stage:
    """The cluster, the environments and the connectors of a run."""

    cluster: Cluster
    venvs: Venvs
    connectors: Sequence[Connector]
    rounds: int
    services: int
    """How many services are very many."""
    prefix: str
    """The prefix of the names of everything that this run creates."""
    progress: Progress

    def announce(self, what: str, round: int, rounds: int | None = None) -> None:
        """Says which round begins; the one before the first is a rehearsal, which does not count."""
        self.progress(f"{what}: {'rehearsal' if round < 0 else f'round {round + 1} of {rounds or self.rounds}'}")

    def connector(self, who: str) -> Connector:
        """Returns one of the connectors."""
        return next(connector for connector in self.connectors if connector.who == who)

    def manifests(self, configs: Sequence[Config]) -> list[list[Object]]:
        """Returns the objects that our connector makes of each configuration."""
        output = run(
            [self.venvs.ours.python, "-c", _PRINT_MANIFESTS], what="print the manifests", input=json.dumps(configs)
        )
        objects: list[list[Object]] = json.loads(output)
        return objects
