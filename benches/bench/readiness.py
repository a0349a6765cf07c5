"""How long it takes from the wish for a service until it is known to be ready."""

from __future__ import annotations

import json
import time
from pathlib import Path

import grpc
from flyteidl.service.agent_pb2_grpc import AsyncAgentServiceStub

from bench.calls import create_request, get_request, is_ready, running_service
from bench.connectors import CHANNEL_OPTIONS, OURS
from bench.errors import BenchError
from bench.load import rotated
from bench.processes import run
from bench.raw_api import NAMESPACE, Object
from bench.results import Figure, Results
from bench.rollout import measure_lag
from bench.stage import Stage

KUBECTL = "kubectl"

_POLL_SECONDS = 0.01
_PATIENCE = 120.0


def measure_readiness(stage: Stage, results: Results) -> None:
    """Measures create and polling get against `kubectl apply` and `kubectl rollout status` of the same objects."""
    figure = Figure("create until ready", "s")
    for round in range(-1, stage.rounds):
        stage.announce("create until ready", round)
        for who in rotated([OURS, KUBECTL], round):
            config = running_service(f"{stage.prefix}ready-{round + 1}")
            objects = stage.manifests([config])[0]
            took = _by_connector(stage, config["Name"]) if who == OURS else _by_kubectl(stage, config["Name"], objects)
            if round >= 0:
                figure.add(who, took)
            stage.cluster.api.remove(config["Name"])
    results.figures.append(figure)
    measure_lag(stage, results)


def _by_connector(stage: Stage, name: str) -> float:
    with grpc.insecure_channel(stage.connector(OURS).target, options=CHANNEL_OPTIONS) as channel:
        grpc.channel_ready_future(channel).result(10)
        stub = AsyncAgentServiceStub(channel)
        began = time.perf_counter()
        created = stub.CreateTask(create_request(running_service(name)), timeout=10)
        while not is_ready(answer := stub.GetTask(get_request(created.resource_meta), timeout=10)):
            if time.perf_counter() - began > _PATIENCE:
                raise BenchError(f"The service {name} did not get ready. {answer.resource.message}")
            time.sleep(_POLL_SECONDS)
        return time.perf_counter() - began


def _by_kubectl(stage: Stage, name: str, objects: list[Object]) -> float:
    kubectl: list[str | Path] = [
        stage.cluster.kubectl,
        "--kubeconfig",
        stage.cluster.kubeconfig,
        "--namespace",
        NAMESPACE,
    ]
    content = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    began = time.perf_counter()
    run([*kubectl, "apply", "--filename", "-"], what="apply the manifests", input=content)
    follow = ["rollout", "status", f"statefulset/{name}", f"--timeout={_PATIENCE:.0f}s"]
    run([*kubectl, *follow], what="follow the rollout")
    return time.perf_counter() - began
