"""The faults, each with the history that led to it."""

from __future__ import annotations

import threading

from rich.console import Console
from rich.markup import escape

from soak.clock import Clock, minutes
from soak.service import Service


class Findings:
    """Collects what was wrong, and says it at once."""

    def __init__(self, clock: Clock, console: Console) -> None:
        self._clock = clock
        self._console = console
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self.sentences: list[str] = []

    def add(self, sentence: str, service: Service | None = None) -> None:
        """Reports something that is wrong, once."""
        about = f"{service.title}: {sentence}" if service else sentence
        key = f"{service.number}: {sentence[:40]}" if service else sentence
        with self._lock:
            if key in self._told:
                return
            self._told.add(key)
            self.sentences.append(about)
            self._console.print(f"[bold red]{minutes(self._clock.now()):>6}  WRONG[/] {escape(about)}")
            for line in service.timeline() if service else []:
                self._console.print(f"          [dim]{escape(line)}[/]")
