"""How long a plan takes, with all its requests."""

from __future__ import annotations

import json
import statistics
import sys
import time

from flytekitplugins_k8sdataservice._core import Client


def main() -> None:
    """Prints the median of the seconds of some plans."""
    question = json.load(sys.stdin)
    client = Client(timeout=10)
    seconds = []
    for _ in range(question["plans"] + 1):
        began = time.perf_counter()
        plan = client.plan_sync(
            question["config"], namespace=question["namespace"], owner="a benchmark", execution="a benchmark"
        )
        seconds.append(time.perf_counter() - began)
        if plan.problems:
            sys.exit(plan.problems[0].message)
    # The first plan connects.
    print(json.dumps(statistics.median(seconds[1:])))


if __name__ == "__main__":
    main()
