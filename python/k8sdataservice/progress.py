"""Progress messages while a service comes up."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from types import TracebackType

from rich.console import Console
from rich.status import Status as LiveLine
from rich.text import Text

logger = logging.getLogger("k8sdataservice.client")


class Progress:
    """A live line on a terminal; a line for each change where there is none, such as in a log of somebody's CI."""

    def __init__(self) -> None:
        """Makes the progress of one service, which begins now."""
        self._began = time.monotonic()
        self._console = Console(stderr=True)
        self._live = LiveLine("", console=self._console) if self._console.is_terminal else None
        self._told = ""

    def __enter__(self) -> Progress:
        """Begins the live line."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the live line."""
        if self._live:
            self._live.stop()

    def update(self, message: str) -> None:
        """Shows what the service waits for, and since when it comes up."""
        if self._live:
            # Not markup: a message may have brackets of its own.
            self._live.update(Text(f"{message} ({self._elapsed:.0f} s)"))
        if message == self._told:
            return
        self._told = message
        logger.info("%s (%.1f s)", message, self._elapsed)
        if not self._live:
            line = f"{message} ({self._elapsed:.1f} s)"
            with suppress(OSError):
                # A terminal that was closed is no reason to stop what removes the service.
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began
