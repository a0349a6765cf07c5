"""How soon a client knows of a change in the cluster."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path

from bench import kubeconfig
from bench.raw_api import STATEFUL_SETS, RawApi
from flytekitplugins_k8sdataservice._core import Client

from probes.looking import follow

_PATIENCE = 10.0

#: Between two looks; short beside what is looked for, and still leaves the processor to those who have work.
_PAUSE = 0.0002

#: Between two changes, at most: they are to come at any moment.
_REST = 0.02


def main() -> None:
    """Prints for each change how long after the API server's reply the client reported it, in seconds."""
    question = json.load(sys.stdin)
    name, namespace = question["name"], question["namespace"]
    api = RawApi(kubeconfig.read(Path(os.environ["KUBECONFIG"])))
    client = Client()
    follow(client, name, namespace)
    took = []
    for number in range(question["changes"]):
        # One of the two pods is not ready any more, or is again, as the controller writes it.
        ready = 1 + number % 2
        change = {"status": {"readyReplicas": ready, "availableReplicas": ready}}
        status, answer = api.request("PATCH", f"{STATEFUL_SETS}/{name}/status", change)
        replied = time.perf_counter()
        if status != 200:
            sys.exit(f"The API server answered {status} to a change of {name}: {answer.get('message', '')}")
        while (known := client.get_known(name, namespace=namespace)) is None or known.ready != ready:
            if time.perf_counter() - replied > _PATIENCE:
                sys.exit(f"After {_PATIENCE:.0f} s a change of {name} is not known: {known and known.message}")
            time.sleep(_PAUSE)
        took.append(time.perf_counter() - replied)
        time.sleep(random.uniform(0, _REST))
    print(json.dumps(took))


if __name__ == "__main__":
    main()
