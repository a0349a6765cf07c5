"""How soon a new client knows all services of a namespace, what that takes of memory, and how it looks them up then."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from flytekitplugins_k8sdataservice._core import Client

from probes.looking import follow, look_ups_per_second

_PATIENCE = 300.0
_SETTLE = 5.0


def main() -> None:
    """Prints the time until all is known, in seconds, the memory that it took, in MiB, and the look-ups per second."""
    question = json.load(sys.stdin)
    names, namespace = question["names"], question["namespace"]
    client = Client()
    before = _memory("VmRSS")
    began = time.perf_counter()
    client.get_sync(names[-1], namespace=namespace)
    while (missing := _missing(client, question)) is not None:
        if time.perf_counter() - began > _PATIENCE:
            sys.exit(f"After {_PATIENCE:.0f} s a client with {len(names)} services does not know {missing}.")
        time.sleep(0.001)
    filled = time.perf_counter() - began
    after = _memory("VmRSS")
    time.sleep(_SETTLE)
    settled = _memory("VmRSS")
    answer: dict[str, Any] = {
        "seconds": filled,
        "filled": after - before,
        "settled": settled - before,
        "peak": _memory("VmHWM") - before,
    }
    follow(client, question["alone"], question["namespace_alone"])
    # As many strings, and not one of them the same object: only what the client does is to differ.
    alone = [question["alone"].encode().decode() for _ in names]
    ready = [name for name in names if name not in (question["unscheduled"], question["unnamed"])]
    answer["look_ups"] = look_ups_per_second(client, ready, namespace, 1.0)
    answer["look_ups_alone"] = look_ups_per_second(client, alone, question["namespace_alone"], 1.0)
    print(json.dumps(answer))


def _missing(client: Client, question: dict[str, Any]) -> str | None:
    """Returns the services that are not known yet, of the last of each list."""

    def reason(name: str) -> str | None:
        # A service that only events explain is not answered from memory alone.
        known = client.get_known(name, namespace=question["namespace"]) or client.get_sync(
            name, namespace=question["namespace"]
        )
        return known and known.reason

    # From memory, which knows a service once all three lists are complete.
    last = client.get_known(question["names"][-1], namespace=question["namespace"])
    if last is None or last.reason != "Ready":
        return "the StatefulSets"
    if reason(question["unscheduled"]) != "InsufficientCpu":
        return "the pods"
    if reason(question["unnamed"]) != "NamesNotPublished":
        return "the endpoint slices"
    return None


def _memory(which: str) -> float:
    found = re.search(rf"{which}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        sys.exit(f"/proc/self/status has no {which}.")
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
