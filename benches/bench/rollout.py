"""How soon our connector says that a service is ready, beside `kubectl rollout status` of the same service."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import grpc
from flyteidl.service.agent_pb2_grpc import AsyncAgentServiceStub

from bench.calls import answered_name, create_request, get_request, is_ready, running_service
from bench.connectors import CHANNEL_OPTIONS, OURS
from bench.errors import BenchError
from bench.processes import run
from bench.raw_api import NAMESPACE, STATEFUL_SETS
from bench.results import Figure, Results, Target
from bench.stage import Stage

#: kubectl (1.36) returns when all pods are Ready, and our connector says so when they have been for `minReadySeconds`.
#: That is when the StatefulSet's status counts them as available: the moment to compare with.
ROLLOUT_STATUS = "kubectl rollout status"
AVAILABLE = "availableReplicas complete"

_POLL_SECONDS = 0.01
_PATIENCE = 120.0
_WANTED = 100.0


def measure_lag(stage: Stage, results: Results) -> None:
    """Measures from what others see until our connector's first SUCCEEDED, all watching one service side by side."""
    lag = Figure("our SUCCEEDED comes after", "ms", comparable=False)
    for round in range(-1, stage.rounds):
        stage.announce("beside kubectl rollout status", round)
        name = f"{stage.prefix}beside-{round + 1}"
        seen = _watch_all(stage, name)
        if round >= 0:
            for other in (AVAILABLE, ROLLOUT_STATUS):
                lag.add(other, (seen[OURS] - seen[other]) * 1000)
        stage.cluster.api.remove(name)
    results.figures.append(lag)
    wanted = f"at most {_WANTED:.0f} ms from the last pod available until SUCCEEDED"
    results.targets.append(Target.at_most(wanted, lag.spread(AVAILABLE).median, _WANTED, " ms"))


def _watch_all(stage: Stage, name: str) -> dict[str, float]:
    """Makes a service and returns when each saw that it is ready."""
    with (
        grpc.insecure_channel(stage.connector(OURS).target, options=CHANNEL_OPTIONS) as channel,
        ThreadPoolExecutor(3) as threads,
    ):
        stub = AsyncAgentServiceStub(channel)
        created = stub.CreateTask(create_request(running_service(name)), timeout=10)
        if answered_name(created) != name:
            raise BenchError(f"The connector answered another name than {name}: {answered_name(created)}.")
        seen: dict[str, Future[float]] = {
            OURS: threads.submit(_by_polling, stub, created.resource_meta, name),
            ROLLOUT_STATUS: threads.submit(_by_rollout_status, stage, name),
            AVAILABLE: threads.submit(_by_watching, stage, name),
        }
        return {who: each.result() for who, each in seen.items()}


def _by_polling(stub: AsyncAgentServiceStub, metadata: bytes, name: str) -> float:
    end = time.perf_counter() + _PATIENCE
    while not is_ready(answer := stub.GetTask(get_request(metadata), timeout=10)):
        if time.perf_counter() > end:
            raise BenchError(f"The service {name} did not get ready. {answer.resource.message}")
        time.sleep(_POLL_SECONDS)
    return time.perf_counter()


def _by_rollout_status(stage: Stage, name: str) -> float:
    kubectl: list[str | Path] = [stage.cluster.kubectl, "--kubeconfig", stage.cluster.kubeconfig]
    follow = ["--namespace", NAMESPACE, "rollout", "status", f"statefulset/{name}", f"--timeout={_PATIENCE:.0f}s"]
    run([*kubectl, *follow], what="follow the rollout")
    return time.perf_counter()


def _by_watching(stage: Stage, name: str) -> float:
    for changed in stage.cluster.api.changes(f"{STATEFUL_SETS}?fieldSelector=metadata.name={name}", _PATIENCE):
        if changed.get("status", {}).get("availableReplicas", 0) >= changed["spec"]["replicas"]:
            return time.perf_counter()
    raise BenchError(f"The pods of {name} did not get available within {_PATIENCE:.0f} s.")
