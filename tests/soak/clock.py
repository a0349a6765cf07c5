"""The time since the soak began, which every report has."""

from __future__ import annotations

import time


class Clock:
    """Counts seconds from its making."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> float:
        """Returns the seconds since the beginning."""
        return time.monotonic() - self._began

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        time.sleep(seconds)


def minutes(seconds: float) -> str:
    """Returns a time as people read it, such as 7:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
