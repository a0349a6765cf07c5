"""A cluster in memory and in its own time: services come and fail as a test says, and no processes run.

::

    def test_no_room(fake_cluster):
        fake_cluster.will("InsufficientGpu").then("Ready", after="20m")
        store = fake_cluster.create({"Name": "store", "Image": "redis:7", "Port": 6379})
        fake_cluster.advance("16m")
        assert store.status().reason == "InsufficientGpu"
"""

from __future__ import annotations

import datetime
import difflib
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from k8sdataservice import settings
from k8sdataservice.default_client import default_client, warn
from k8sdataservice.exceptions import DataServiceError
from k8sdataservice.holder import this_process
from k8sdataservice.target import wire_of
from k8sdataservice.testing.fake_run import Run

if TYPE_CHECKING:
    from k8sdataservice._core import Client, Reaped, Status
    from k8sdataservice._core import FakeCluster as Core
    from k8sdataservice.configuration import Configuration

#: In how many parts time passes: services that end by themselves are looked at in between, as a connector does.
_PARTS = 4


class FakeCluster:
    """A cluster in memory, whose pods become what a test says.

    Its time passes as that of the machine does; ``advance`` lets it pass at once. Grace periods, time to live, probes
    and restarts count in this time.
    """

    def __init__(self, core: Core) -> None:
        """Makes the cluster that a test uses of one that runs.

        Args:
            core: The cluster of the core. The environment of this process has to name its socket.
        """
        self._core = core
        self._runs: list[Run] = []

    @property
    def now(self) -> datetime.datetime:
        """The time of the cluster."""
        return datetime.datetime.fromtimestamp(self._core.now, tz=datetime.timezone.utc)

    def will(self, cause: str, service: str | None = None, *, log: str = "") -> Script:
        """Says what becomes of the pods of a service from now on.

        Args:
            cause: One of the reasons of docs/reasons.md, such as ``InsufficientGpu``, or ``Ready``.
            service: The service's name. Default: all services that have no cause of their own.
            log: The log of its containers, whose end is in the message of a service that has failed for their end.

        Returns:
            The script, to which ``then`` adds what comes later.

        Raises:
            ValueError: No pod of a fake cluster can have this cause.
        """
        self._say(cause, service, None)
        self._core.log(log, service)
        return Script(self._say, service)

    def _say(self, cause: str, service: str | None, after: str | float | None) -> None:
        known = self._core.causes()
        if cause not in known:
            near = difflib.get_close_matches(cause, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" It can be one of {', '.join(sorted(known))}."
            raise ValueError(f'the cause is "{cause}", which no pod of a fake cluster can have.{hint}')
        self._core.script(cause, service, after)

    def create(
        self, config: Configuration | dict[str, Any], *, name: str | None = None, namespace: str | None = None
    ) -> Service:
        """Creates a service, which this process holds until ``leave``.

        Args:
            config: The configuration, the task that has it, or its wire form.
            name: The service's name. Default: that of the configuration, or a generated one.
            namespace: The namespace it lives in. Default: that of the configuration, else the platform's.

        Raises:
            DataServiceError: The service cannot be made.
        """
        owner = f"test-{uuid.uuid4().hex}"
        created = default_client().create_sync(
            wire_of(config, name=name, namespace=namespace),
            namespace=settings.namespace(),
            owner=owner,
            execution="a test",
            holder=this_process(),
        )
        warn(created.warning)
        self._core.advance(0)
        return Service(self, created.name, created.namespace, owner, created.uid)

    def service(self, name: str, *, namespace: str | None = None) -> Service:
        """Returns a service that something else has made, such as a run.

        Args:
            name: Its name.
            namespace: The namespace it lives in. Default: the platform's.
        """
        return Service(self, name, namespace or settings.namespace(), None, None)

    def run(self, target: Callable[..., Any], **inputs: Any) -> Run:
        """Runs a workflow, a task or any function on a thread of its own, until it waits for the cluster or has ended.

        Only one workflow of flytekit can run at a time.

        Args:
            target: What to call.
            **inputs: Its inputs.
        """
        run = Run(self, self._core, target, inputs)
        self._runs.append(run)
        run.begin()
        return run

    def advance(self, by: str | float) -> None:
        """Lets time pass at once, and ends the services whose time is over, as a connector does.

        Args:
            by: How much, such as ``16m``, ``1h 30m`` or ``7d``, or as a number of seconds.

        Raises:
            ValueError: It is no duration.
        """
        end = self._core.now + self._core.seconds(by)
        self.reap()
        for part in range(_PARTS, 0, -1):
            left = max(0.0, end - self._core.now)
            # Whole seconds, since that is what a duration has; the last part has the rest.
            self._core.advance(left if part == 1 else left // part)
            if self.reap() == [] and not self._going():
                self._core.advance(max(0.0, end - self._core.now))
                break
            for run in self._going():
                run.catch_up()

    def _going(self) -> list[Run]:
        return [run for run in self._runs if not run.done]

    def reap(self) -> list[Reaped]:
        """Ends the services that nobody uses any more, or whose time is over, and returns what was decided of each."""
        client = self._fresh_client()
        namespaces = sorted({namespace for kind, namespace, _ in self._core.objects() if kind == "StatefulSet"})
        decided: list[Reaped] = []
        for namespace in namespaces:
            sweep = client.reap_sync(namespace=namespace)
            decided += sweep.services
            if sweep.errors:
                raise DataServiceError(" ".join(sweep.errors))
        self._core.advance(0)
        return decided

    def left(self) -> list[str]:
        """Returns what is left in the cluster, such as ``StatefulSet foo in namespace flyte``."""
        self._core.advance(0)
        return [f"{kind} {name} in namespace {namespace}" for kind, namespace, name in self._core.objects()]

    def look(self, name: str, namespace: str, uid: str | None = None) -> Status:
        """Returns how a service is doing at this moment, by a look at the cluster."""
        self._core.advance(0)
        return self._fresh_client().get_sync(name, namespace=namespace, uid=uid)

    def close(self) -> None:
        """Ends the cluster, and waits for the runs that go on."""
        self._core.stop()
        for run in self._runs:
            run.abandon()

    @staticmethod
    def _fresh_client() -> Client:
        """Returns a client that has watched nothing yet, so that whatever it answers was read just now."""
        from k8sdataservice._core import Client

        return Client(platform=settings.platform(), sources=settings.sources())


class Script:
    """What becomes of the pods of a service, one thing after another."""

    def __init__(self, say: Callable[[str, str | None, str | float | None], None], service: str | None) -> None:
        """Makes the script of a service, or of all."""
        self._say = say
        self._service = service

    def then(self, cause: str, *, after: str | float) -> Script:
        """Adds a cause that takes the place of the last one.

        Args:
            cause: As for ``FakeCluster.will``.
            after: How long after the last one it comes, such as ``20m``. The first one counts from when its service
                has pods, or would have.

        Raises:
            ValueError: No pod can have this cause, or the duration is none.
        """
        self._say(cause, self._service, after)
        return self


class Service:
    """A service of a fake cluster.

    Attributes:
        name: Its name.
        namespace: The namespace it lives in.
    """

    def __init__(self, cluster: FakeCluster, name: str, namespace: str, owner: str | None, uid: str | None) -> None:
        """Makes the handle of a service."""
        self.name = name
        self.namespace = namespace
        self._cluster = cluster
        self._owner = owner
        self._uid = uid

    def status(self) -> Status:
        """Returns how the service is doing at this moment, by a look at the cluster and not at a cache."""
        return self._cluster.look(self.name, self.namespace, self._uid)

    def leave(self) -> None:
        """Holds the service no more, as a process that has ended: it ends when its lifetime says so."""
        if self._owner is not None:
            default_client().leave_sync(self.name, namespace=self.namespace, owner=self._owner)
            self._owner = None

    def delete(self) -> None:
        """Deletes the service, also if others use it."""
        warn(default_client().delete_sync(self.name, namespace=self.namespace, force=True).warning)
