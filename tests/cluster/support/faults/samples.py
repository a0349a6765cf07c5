"""Which of all cases a run tries."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")

#: The seed of every sample, to see a failure again; the same for every commit.
SEED = int(os.environ.get("FAULTS_SEED") or 0)

#: The share of all cases that a run tries. `make test-all` tries all of them.
SHARE = float(os.environ.get("FAULTS_SHARE") or 0.25)


def sampled(items: Iterable[Item], of: str) -> list[Item]:
    """Returns a fixed sample of the cases of a test, in their order; of few cases all.

    Args:
        items: All cases.
        of: The test's name, so that tests alike try different ones.
    """
    every = list(items)
    size = max(round(len(every) * SHARE), min(len(every), 4))
    chosen = sorted(random.Random(f"{SEED} {of}").sample(range(len(every)), size))
    return [every[index] for index in chosen]
