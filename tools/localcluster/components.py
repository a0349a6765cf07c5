"""Starting the components of one cluster and waiting for them, while watching that none of them dies."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from localcluster.errors import LocalClusterError
from localcluster.layout import Layout
from localcluster.processes import is_alive, last_lines, spawn
from localcluster.progress import Progress
from localcluster.record import ClusterRecord, ProcessRecord


class ComponentDiedError(LocalClusterError):
    """A component ended while it was needed."""


class Components:
    """The running parts of a cluster."""

    def __init__(self, layout: Layout, record: ClusterRecord, progress: Progress) -> None:
        """Remember where to record what is started."""
        self._layout = layout
        self._record = record
        self._progress = progress

    def start(self, component: str, command: Sequence[str]) -> ProcessRecord:
        """Start a component, in place of an earlier one of its name."""
        process = spawn(component, command, self._layout.log(component), self._record.run)
        others = [other for other in self._record.processes if other.component != component]
        self._record.processes = [*others, process]
        self._record.save(self._layout.folder)
        return process

    def wait(self, what: str, condition: Callable[[], bool], seconds: float = 90.0) -> None:
        """Wait until the condition holds.

        Raises:
            ComponentDiedError: A component ended before that.
            LocalClusterError: It took too long.
        """
        self._progress(f"waiting for {what}")
        deadline = time.monotonic() + seconds
        while not condition():
            for process in self._record.processes:
                if not is_alive(process):
                    raise ComponentDiedError(
                        self._describe(f"{process.component} ended while waiting for {what}.", process)
                    )
            if time.monotonic() > deadline:
                raise LocalClusterError(
                    f"Waiting for {what} took longer than {seconds:.0f} s. The logs are in {self._layout.logs}; "
                    "a machine that is busy may need a second try."
                )
            time.sleep(0.1)

    def _describe(self, what: str, process: ProcessRecord) -> str:
        log = self._layout.log(process.component)
        return f"{what} The last lines of its log ({log}):\n{last_lines(log)}"
