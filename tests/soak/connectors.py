"""Two connectors, as replicas of one deployment: real processes, which are killed and restarted."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
from cluster.support.connector import free_port
from flyteidl.service.agent_pb2_grpc import AsyncAgentServiceStub
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

#: How long, in seconds, a connector may take to start on a machine that is busy.
PATIENCE = 90.0
#: How long, in seconds, after its start a connector's clients may still try to reach the one before it.
RECONNECTING = 3.0
# Proxies of the environment are for other machines; and who was killed comes back soon.
_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 500))


class Connector:
    """One replica, at the same port for as long as the soak lasts."""

    def __init__(self, name: str, environment: dict[str, str], folder: Path) -> None:
        """Starts the process."""
        self.name = name
        self.log = folder / f"{name}.log"
        self._environment = environment
        self._port = free_port()
        self._away_until = float("inf")
        #: How often it was started, which distinguishes its processes.
        self.generation = 0
        channel = grpc.insecure_channel(f"127.0.0.1:{self._port}", options=_OPTIONS)
        self.stub = AsyncAgentServiceStub(channel)
        self._health = HealthStub(channel)
        self.process = self._start()

    def wait(self) -> None:
        """Waits until it serves."""
        end = time.monotonic() + PATIENCE
        while not self._serves():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} did not come up:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.2)
        self._away_until = time.monotonic() + RECONNECTING

    def kill(self) -> None:
        """Kills the process, as a node that is lost does."""
        self._away_until = float("inf")
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def start_anew(self) -> None:
        """Starts another process in its place."""
        self.process = self._start()
        self.wait()

    def is_excused(self, since: float) -> bool:
        """Returns whether a call that began at that time may have failed because the process was killed."""
        return since < self._away_until

    def _start(self) -> subprocess.Popen[bytes]:
        self.generation += 1
        pyflyte = str(Path(sys.executable).with_name("pyflyte"))
        command = [pyflyte, "serve", "connector", "--port", str(self._port), "--prometheus_port", str(free_port())]
        with self.log.open("ab") as output:
            # In a session of its own, so that Ctrl-C in a terminal is for the soak to handle.
            return subprocess.Popen(
                command, env=self._environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _serves(self) -> bool:
        try:
            self._health.Check(HealthCheckRequest(), timeout=1)
        except grpc.RpcError:
            return False
        return True


class Connectors:
    """Both of them."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        """Starts them and waits until they serve."""
        self.all = [Connector(f"connector {letter}", environment, folder) for letter in "AB"]
        try:
            for connector in self.all:
                connector.wait()
        except BaseException:
            self.__exit__()
            raise

    def any(self) -> Connector:
        """Returns the one that the next call goes to."""
        return random.choice(self.all)

    def __enter__(self) -> Connectors:
        """Returns them."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the processes."""
        for connector in self.all:
            connector.kill()
