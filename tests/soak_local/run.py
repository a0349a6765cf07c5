"""The soak: owners that are killed one after the other, one that ends by itself, and a look at what is left."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from soak_local import leftovers

#: So many owners are killed.
KILLS = 10
#: A replica is killed after so many seconds at most.
PAUSE = 0.5
#: How long an end may take, in seconds.
END = 15.0
#: What each replica has in its environment.
MARKER = "K8SDATASERVICE_LOCAL_CONTAINER"


def soak(seconds: float, seed: int) -> tuple[list[str], Counter[str]]:
    """Returns what was wrong, and how often everything was done.

    Args:
        seconds: For how long services come and go.
        seed: What is drawn at random.
    """
    findings: list[str] = []
    counts: Counter[str] = Counter()
    random_ = random.Random(seed)
    with socket.socket() as free:
        free.bind(("0.0.0.0", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        for number in range(KILLS + 1):
            owner = _Owner(folder, port, seed + number)
            owner.disturb(seconds / (KILLS + 1), random_, counts)
            findings += owner.kill() if number < KILLS else owner.end()
            counts.update(owner.words())
            counts["owners"] += 1
        findings += [f"{path} is left" for path in leftovers.files(folder / "run") + leftovers.files(folder / "tmp")]
        findings += [f"the folder {path} is left" for path in (folder / "tmp").glob("k8sdataservice-*/*")]
        findings += [f"{listener} listens" for listener in leftovers.listeners(port)]
        findings += [f"process {process} is left" for process in leftovers.processes(folder)]
    findings += [f"no {word}" for word in ("created", "deleted", "Ready", "killed") if not counts[word]]
    return findings, counts


class _Owner:
    """A process with a local cluster, whose folders are below one of this soak."""

    def __init__(self, folder: Path, port: int, seed: int) -> None:
        self.folder = folder
        for name in ("run", "tmp"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        environment = os.environ | {
            "K8SDATASERVICE_LOCAL": "processes",
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        for name in [name for name in environment if name.startswith("K8SDATASERVICE_LOCAL_")]:
            del environment[name]
        self.output = folder / f"output-{seed}"
        self.errors = folder / f"errors-{seed}"
        with self.output.open("wb") as output, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "soak_local.owner", str(port), str(seed)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    def disturb(self, seconds: float, random_: random.Random, counts: Counter[str]) -> None:
        """Kills replicas of this owner for a while, and waits until it has begun at least."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or (
            not self.words() and self.process.poll() is None and time.monotonic() < end + END
        ):
            time.sleep(random_.uniform(0, PAUSE))
            replicas = leftovers.processes(self.folder, MARKER)
            if replicas and self.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(random_.choice(sorted(replicas)), signal.SIGKILL)
                    counts["killed"] += 1

    def kill(self) -> list[str]:
        """Kills the owner, and returns what it leaves."""
        findings = self._early()
        self.process.kill()
        self.process.wait()
        findings += self._processes()
        data = list((self.folder / "tmp").glob(f"k8sdataservice-*/{self.process.pid}-*"))
        is_gone = _eventually(lambda: not any(path.exists() for path in data))
        return findings if is_gone else [*findings, f"{data} is left of an owner that was killed"]

    def end(self) -> list[str]:
        """Lets the owner end, and returns what was wrong."""
        findings = self._early()
        assert self.process.stdin
        self.process.stdin.close()
        try:
            code = self.process.wait(timeout=4 * END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return [*findings, "an owner does not end"]
        return findings + ([f"an owner ended with {code}: {self._tail()}"] if code else []) + self._processes()

    def words(self) -> list[str]:
        """Returns what the owner has done."""
        return self.output.read_text().split("\n")[:-1]

    def _early(self) -> list[str]:
        code = self.process.poll()
        return [] if code is None else [f"an owner ended by itself with {code}: {self._tail()}"]

    def _processes(self) -> list[str]:
        if _eventually(lambda: not leftovers.processes(self.folder)):
            return []
        return [f"processes {leftovers.processes(self.folder)} are left"]

    def _tail(self) -> str:
        return self.errors.read_text()[-2000:]


def _eventually(is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + END
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
