"""A workflow that runs against a fake cluster while time is let pass."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from k8sdataservice.default_client import default_client

if TYPE_CHECKING:
    from k8sdataservice._core import FakeCluster as Core
    from k8sdataservice._core import Status

#: How long a run may work between two looks at its service, in seconds of the machine.
_PATIENCE = 10.0

#: How often to look whether a run has looked, in seconds of the machine.
_INTERVAL = 0.01

#: How many looks of a run see what is known now: one may have begun before.
_LOOKS = 2

#: How much time passes at once while a run is waited for.
_STEP = 5

#: The source of the events that say why a service has failed.
_SOURCE = "k8sdataservice"


class Cluster(Protocol):
    """What a run needs of its cluster."""

    def advance(self, by: str | float) -> None:
        """Lets time pass at once."""

    def look(self, name: str, namespace: str, uid: str | None = None) -> Status:
        """Returns how a service is doing at this moment."""


class Run:
    """A workflow, a task or a function that runs on a thread of its own.

    Attributes:
        output: What it has returned, once it has ended.
        error: What it has raised, if anything.
    """

    def __init__(self, cluster: Cluster, core: Core, target: Callable[..., Any], inputs: dict[str, Any]) -> None:
        """Makes a run; ``begin`` starts it."""
        self.output: Any = None
        self.error: BaseException | None = None
        self._cluster = cluster
        self._core = core
        self._call: Callable[[], Any] = lambda: target(**inputs)
        self._held = self._leases()
        self._told = len(core.events())
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="fake-run", daemon=True)

    def _run(self) -> None:
        try:
            self.output = self._call()
        except BaseException as error:
            self.error = error

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._thread.ident is not None and not self._thread.is_alive()

    @property
    def succeeded(self) -> bool:
        """Whether it has ended without an error; time passes until it has ended, up to an hour."""
        return self.wait().error is None

    def failed(self, reason: str | None = None) -> bool:
        """Returns whether it has failed by now.

        Args:
            reason: The reason for which one of its services has to have failed, such as ``InsufficientGpu``.
        """
        self.catch_up()
        return self.done and self.error is not None and (reason is None or reason in self.reasons)

    @property
    def reasons(self) -> list[str]:
        """The reasons for which services have failed since it began."""
        return [reason for source, _, _, reason, _ in self._core.events()[self._told :] if source == _SOURCE]

    def wait(self, at_most: str | float = "1h") -> Run:
        """Lets time pass until it has ended.

        Args:
            at_most: How much time may pass, such as ``1h``.

        Raises:
            TimeoutError: It has not ended by then.
        """
        end = self._core.now + self._core.seconds(at_most)
        self.catch_up()
        while not self.done:
            if self._core.now >= end:
                raise TimeoutError(f"the run has not ended within {at_most} of the cluster's time")
            self._cluster.advance(_STEP)
        return self

    def begin(self) -> None:
        """Starts it, and returns when it waits for the cluster or has ended."""
        looks = self._looks()
        self._thread.start()
        self._until(lambda: self._looks() >= looks + _LOOKS)
        self._let_go()

    def catch_up(self) -> None:
        """Returns when it has seen what is so now, or has ended."""
        if not self.done:
            self._until(self._is_up_to_date)
            looks = self._looks()
            self._until(lambda: self._looks() >= looks + _LOOKS)
        self._let_go()

    def abandon(self) -> None:
        """Waits a moment for its end: its cluster is gone."""
        self._thread.join(timeout=_PATIENCE)

    def _until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE
        while not self.done and time.monotonic() < end and not is_so():
            self._thread.join(timeout=_INTERVAL)

    def _is_up_to_date(self) -> bool:
        """Returns whether the client of this process, whose watches may be behind, knows what a fresh look shows."""
        client = default_client()
        for kind, namespace, name in self._core.objects():
            if kind == "StatefulSet":
                known = client.get_known(name, namespace=namespace)
                if known is not None and known.reason != self._cluster.look(name, namespace).reason:
                    return False
        return True

    @staticmethod
    def _looks() -> int:
        metrics = default_client().metrics()
        return 0 if metrics is None else sum(metrics.polls.values())

    def _leases(self) -> set[tuple[str, str]]:
        return {(namespace, name) for kind, namespace, name in self._core.objects() if kind == "Lease"}

    def _let_go(self) -> None:
        """Ends the holds of a run that has ended: elsewhere they end with its process."""
        if self.done:
            for namespace, name in self._leases() - self._held:
                self._core.remove("Lease", namespace, name)
            self._held |= self._leases()
