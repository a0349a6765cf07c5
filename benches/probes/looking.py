"""Looking services up in the memory of a client."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from flytekitplugins_k8sdataservice._core import Client

_PATIENCE = 60.0
_BATCH = 1000


def follow(client: Client, name: str, namespace: str) -> None:
    """Has a client watch a namespace, and returns when it knows from there that a service is ready."""
    began = time.perf_counter()
    client.get_sync(name, namespace=namespace)
    while (known := client.get_known(name, namespace=namespace)) is None or known.phase != "Ready":
        if time.perf_counter() - began > _PATIENCE:
            sys.exit(f"After {_PATIENCE:.0f} s a client does not know that {name} is ready: {known and known.message}")
        time.sleep(0.001)


def look_ups_per_second(client: Client, names: Sequence[str], namespace: str, seconds: float) -> float:
    """Looks ready services up, one after the other on this thread, and checks what comes back."""
    batches = [names[start : start + _BATCH] for start in range(0, len(names), _BATCH)]
    # So that a batch is long enough to look at the clock only after it.
    batches = [batch * (_BATCH // len(batch)) for batch in map(list, batches)]
    done, began = 0, time.perf_counter()
    while True:
        for batch in batches:
            for name in batch:
                known = client.get_known(name, namespace=namespace)
                if known is None or known.phase != "Ready":
                    sys.exit(f"A look-up did not say that {name} is ready: {known and known.message}")
            done += len(batch)
            took = time.perf_counter() - began
            if took > seconds:
                return done / took
