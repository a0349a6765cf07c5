"""The real connector services, one process each, as Flyte runs them."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from bench.errors import BenchError
from bench.processes import environment
from bench.progress import Progress
from bench.venvs import Venv, Venvs

OURS = "ours"
PEER = "peer"
IDLE = "does nothing"
#: An earlier version of ours, where its wheel is given.
BEFORE = "before"

#: Proxies of the environment are for other machines.
CHANNEL_OPTIONS = (("grpc.enable_http_proxy", 0),)

_BENCHES = Path(__file__).parents[1]
_START_PATIENCE = 90.0
_STOP_PATIENCE = 5.0


@dataclass(frozen=True)
class Connector:
    """A connector service that takes calls."""

    who: str
    target: str
    pid: int


@contextmanager
def serve_connectors(venvs: Venvs, kubeconfig: Path, logs: Path, progress: Progress) -> Iterator[list[Connector]]:
    """Starts a connector service of each environment, and ends them.

    Raises:
        BenchError: One does not come up.
    """
    progress("starting the connectors")
    with ExitStack() as stack:
        started = [
            stack.enter_context(_serve(OURS, venvs.ours, kubeconfig, logs)),
            stack.enter_context(_serve(PEER, venvs.peer, kubeconfig, logs, path="outside_a_cluster")),
            stack.enter_context(_serve(IDLE, venvs.plain, kubeconfig, logs, path="idle", module="idle_connector")),
        ]
        if venvs.before:
            started.append(stack.enter_context(_serve(BEFORE, venvs.before, kubeconfig, logs)))
        for connector, process, log in started:
            _wait(connector, process, log)
        yield [connector for connector, _, _ in started]


@contextmanager
def serve_ours(whos: Sequence[str], venv: Venv, kubeconfig: Path, logs: Path) -> Iterator[list[Connector]]:
    """Starts several services of our connector, for another cluster, and ends them.

    Raises:
        BenchError: One does not come up.
    """
    with ExitStack() as stack:
        started = [stack.enter_context(_serve(who, venv, kubeconfig, logs)) for who in whos]
        for connector, process, log in started:
            _wait(connector, process, log)
        yield [connector for connector, _, _ in started]


@contextmanager
def _serve(
    who: str, venv: Venv, kubeconfig: Path, logs: Path, *, path: str | None = None, module: str | None = None
) -> Iterator[tuple[Connector, subprocess.Popen[bytes], Path]]:
    port, metrics_port = _free_ports(2)
    command = [str(venv.pyflyte), "serve", "connector", "--port", str(port), "--prometheus_port", str(metrics_port)]
    command += ["--modules", module] if module else []
    variables = {"KUBECONFIG": str(kubeconfig)}
    if path:
        variables["PYTHONPATH"] = str(_BENCHES / path)
    log = logs / f"{who.replace(' ', '-')}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment() | variables, cwd=logs, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield Connector(who, f"127.0.0.1:{port}", process.pid), process, log
    finally:
        process.terminate()
        try:
            process.wait(_STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait(connector: Connector, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_PATIENCE
    with grpc.insecure_channel(connector.target, options=CHANNEL_OPTIONS) as channel:
        health = HealthStub(channel)
        while time.monotonic() < end and process.poll() is None:
            try:
                answer = health.Check(HealthCheckRequest(), timeout=1, wait_for_ready=True)
            except grpc.RpcError:
                continue
            if answer.status == HealthCheckResponse.SERVING:
                return
    raise BenchError(f"The connector ({connector.who}) did not come up. It said: {log.read_text()[-2000:].strip()}")
