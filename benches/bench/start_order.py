"""How long it takes until all pods of a service are ready, started together and one after the other."""

from __future__ import annotations

import time

import grpc
from flyteidl.service.agent_pb2_grpc import AsyncAgentServiceStub

from bench.calls import create_request, get_request, is_ready, running_service
from bench.connectors import CHANNEL_OPTIONS, OURS
from bench.errors import BenchError
from bench.load import rotated
from bench.results import Figure, Results
from bench.stage import Stage

#: Both policies, by who has it: the first is what a service gets that says nothing.
POLICIES = {OURS: "Parallel", "OrderedReady": "OrderedReady"}
PODS = 5

_POLL_SECONDS = 0.01
_PATIENCE = 180.0


def measure_start_order(stage: Stage, results: Results) -> None:
    """Measures a service of five pods under both of Kubernetes's policies (docs/adr/0013-parallel-start.md)."""
    figure = Figure(f"create until {PODS} pods are ready", "s")
    for round in range(stage.rounds):
        stage.announce("start order", round)
        for who in rotated(list(POLICIES), round):
            policy = POLICIES[who]
            name = f"{stage.prefix}order-{round}-{policy.lower()}"
            figure.add(who, _bring_up(stage, name, policy))
            stage.cluster.api.remove(name)
    results.figures.append(figure)


def _bring_up(stage: Stage, name: str, policy: str) -> float:
    config = running_service(name) | {"Replicas": PODS, "PodManagementPolicy": policy}
    with grpc.insecure_channel(stage.connector(OURS).target, options=CHANNEL_OPTIONS) as channel:
        grpc.channel_ready_future(channel).result(10)
        stub = AsyncAgentServiceStub(channel)
        began = time.perf_counter()
        created = stub.CreateTask(create_request(config), timeout=10)
        while not is_ready(answer := stub.GetTask(get_request(created.resource_meta), timeout=10)):
            if time.perf_counter() - began > _PATIENCE:
                raise BenchError(f"The service {name} did not get ready. {answer.resource.message}")
            time.sleep(_POLL_SECONDS)
        return time.perf_counter() - began
