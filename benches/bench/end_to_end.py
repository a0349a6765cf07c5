"""How soon a service with real pods is gone, with everything that belongs to it, after its run has ended."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc
from flyteidl.service.agent_pb2_grpc import AsyncAgentServiceStub

from bench.calls import RUN_NAMESPACE, create_request, get_request, is_ready, running_service
from bench.connectors import CHANNEL_OPTIONS, OURS
from bench.errors import BenchError
from bench.raw_api import NAMESPACE, STATEFUL_SETS
from bench.results import Figure, Results, Target
from bench.runs import begin_run, define_runs, end_run
from bench.stage import Stage

_POLL_SECONDS = 0.02
_PATIENCE = 60.0


def measure_end_to_end(stage: Stage, results: Results) -> None:
    """Measures it on the cluster with controllers and nodes, one service of one pod after the other."""
    api = stage.cluster.api
    define_runs(api)
    status, _ = api.request("GET", f"/api/v1/namespaces/{RUN_NAMESPACE}")
    if status == 404:
        api.make("/api/v1/namespaces", {"metadata": {"name": RUN_NAMESPACE}})
    deleted = Figure("run end until the StatefulSet is gone, on a cluster with nodes", "s")
    gone = Figure("run end until Service and pod are gone, too, on a cluster with nodes", "s")
    with grpc.insecure_channel(stage.connector(OURS).target, options=CHANNEL_OPTIONS) as channel:
        grpc.channel_ready_future(channel).result(10)
        stub = AsyncAgentServiceStub(channel)
        for round in range(-1, stage.rounds):
            stage.announce("run end", round)
            name = f"{stage.prefix}end-{round + 1}"
            begin_run(api, RUN_NAMESPACE, name)
            made = stub.CreateTask(create_request(running_service(name) | {"Lifetime": "run"}), timeout=10)
            _until(lambda: is_ready(stub.GetTask(get_request(made.resource_meta), timeout=10)), name)  # noqa: B023
            began = time.monotonic()
            end_run(api, RUN_NAMESPACE, name)
            parts = [f"{STATEFUL_SETS}/{name}", *(f"/api/v1/namespaces/{NAMESPACE}/{part}" for part in _parts(name))]
            moments = []
            for part in parts:
                _until(lambda: api.request("GET", part)[0] == 404, name)  # noqa: B023
                moments.append(time.monotonic() - began)
            if round >= 0:
                deleted.add(OURS, moments[0])
                gone.add(OURS, moments[-1])
    results.figures += [deleted, gone]
    median = deleted.spread(OURS).median
    results.targets.append(Target.at_most("run end until the service is deleted: at most 2 s", median, 2.0, " s"))


def _parts(name: str) -> list[str]:
    return [f"services/{name}", f"pods/{name}-0"]


def _until(look: Callable[[], bool], name: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not look():
        if time.monotonic() > end:
            raise BenchError(f"Service {name} did not get where it should be within {_PATIENCE:.0f} s.")
        time.sleep(_POLL_SECONDS)
