"""Telling a person what is happening, on a terminal and in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress

Progress = Callable[[str], None]

SECONDS_BETWEEN_LINES = 20.0


def silent(_: str) -> None:
    """Tell nobody."""


class ProgressLine:
    """Writes to standard error: one live line on a terminal, whole lines elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._started = time.monotonic()

    def __call__(self, message: str) -> None:
        """Show what is happening now, in place of what was shown before."""
        elapsed = f"{time.monotonic() - self._started:4.0f} s"
        self._write(f"\r\x1b[K[{elapsed}] {message}" if self._live else f"[{elapsed}] {message}\n")

    def close(self) -> None:
        """Leave the live line, so that what is printed next starts on its own."""
        if self._live:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        # The reader of the output may be gone, which is no reason to stop the cluster.
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


def seconds_between_reports() -> float:
    """Return how often something slow should report: often on a terminal, rarely in a log."""
    return 1.0 if sys.stderr.isatty() else SECONDS_BETWEEN_LINES
