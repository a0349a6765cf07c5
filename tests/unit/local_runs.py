"""What a process has left behind of its local cluster, as another process sees it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from k8sdataservice import replicas


def left_of(process: int) -> list[str]:
    """Returns the processes, sockets and folders that the local cluster of a process has at the moment."""
    folders = {Path(os.environ.get(name) or "/tmp") for name in ("TMPDIR", "XDG_RUNTIME_DIR")}
    places = [place for folder in folders for place in folder.glob(f"k8sdataservice*/{process}-*")]
    return [f"process {each}" for each in replicas.processes_of(process)] + [str(place) for place in places]


def nothing_is_left_of(process: int, patience: float = 20.0) -> list[str]:
    """Waits until nothing is left of a process that has ended, and returns what is.

    The lock and the socket of a process that was killed stay until the next cluster starts. They hold nothing.
    """
    end = time.monotonic() + patience
    while True:
        left = [each for each in left_of(process) if not each.endswith((".lock", ".sock"))]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.02)


def eventually(is_so: Callable[[], bool], patience: float = 30.0) -> bool:
    """Waits until something is so, and returns whether it is."""
    end = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
