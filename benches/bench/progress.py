"""The progress of the benchmark."""

from __future__ import annotations

import sys
import time


class Progress:
    """Writes a line per step to standard error, with the seconds since the start."""

    def __init__(self) -> None:
        """Starts the clock."""
        self._began = time.monotonic()

    def __call__(self, step: str) -> None:
        """Says what comes now."""
        print(f"[{time.monotonic() - self._began:4.0f} s] {step}", file=sys.stderr, flush=True)
