"""Where the services of a process's tests live: a cluster of its own for each test, as long as nothing is shared."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from k8sdataservice import replicas, settings
from k8sdataservice.default_client import default_client
from k8sdataservice.holder import this_process
from k8sdataservice.testing.services import DataServices
from k8sdataservice.testing.surroundings import Environment, Signals

if TYPE_CHECKING:
    from k8sdataservice._core import Listed
    from k8sdataservice.testing.service import Service

#: How many lines of each log a report has.
_LINES = 100

#: How long a service may take to be deleted, in seconds.
_PATIENCE = 30.0

#: The claims, as a path of the API has them.
_CLAIMS = "persistentvolumeclaims"

#: What the list says of a service that ends with the run that it was made for.
_WITH_ITS_RUN = "with its last run"

#: A namespace and a name.
_Key = tuple[str, str]


class Stage:
    """The services of a process's tests.

    Attributes:
        services: The services of the present test.
        is_on: Whether a test runs.
        has_failed: Whether it has failed.
        kept: The services that are kept: namespaces and names.
    """

    def __init__(self, *, is_local: bool) -> None:
        """Starts nothing yet.

        Args:
            is_local: Whether replicas are processes of this machine, and not pods of the kubeconfig's cluster.
        """
        self.services = DataServices(is_local=is_local)
        self.is_on = False
        self.has_failed = False
        self.kept: list[_Key] = []
        self._is_local = is_local
        self._environment = Environment(is_local=is_local)
        self._signals: Signals | None = None
        self._shared: DataServices | None = None
        self._before: set[_Key] = set()
        self._namespace = ""

    @contextmanager
    def shared(self) -> Iterator[DataServices]:
        """Has services that all tests use, until the end of a block."""
        shared = self._shared = DataServices(is_local=self._is_local)
        try:
            yield shared
        finally:
            # The last of the tests may have none of these fixtures.
            is_between = not self.is_on
            if is_between:
                self.begin()
            self._shared = None
            for service in shared.started:
                service.let_go()
            self._remove(_keys(shared.started))
            if is_between:
                self.end(keep=False)

    def begin(self) -> None:
        """Begins a test: local mode is on, and a cluster runs."""
        self.is_on = True
        self.has_failed = False
        self.services = DataServices(is_local=self._is_local)
        self._signals = Signals()
        self._environment.set()
        try:
            if self._is_local and self._environment.socket is None:
                from k8sdataservice._core import local_cluster

                default_client().connect_sync()
                self._environment.socket = str(local_cluster())
                self._environment.set()
            is_new = self._is_local and not self._shared and not self.kept
            self._before = set() if is_new else _keys(self._listed())
        except BaseException:
            self._go_off()
            raise

    def leaks(self) -> str | None:
        """Returns a sentence about the services that the present test leaves behind; None if there are none."""
        self._environment.set()
        left = [each for each in self._new() if each.ends != _WITH_ITS_RUN]
        if not left:
            return None
        names = ", ".join(f"{each.name} in namespace {each.namespace} ({each.phase})" for each in left)
        return (
            f"Left behind: data service{'' if len(left) == 1 else 's'} {names}. Let the workflow delete it with a "
            "CleanupSensor, also when it fails, or give it the Lifetime of its run. If it is to stay, mark the test "
            'with @pytest.mark.dataservice(leaks="allowed").'
        )

    def logs(self) -> list[tuple[str, str]]:
        """Returns a title and the end of the log of each replica of the present test's services."""
        cluster = self._cluster()
        if cluster is None:
            return []
        self._environment.set()
        sections = []
        for namespace, name in sorted(_keys(self.services.started) | self._of_all() | _keys(self._new())):
            for pod in cluster.of(name, namespace):
                container = replicas.main_container(pod)
                for title, previous in (("Log before the last restart", True), ("Log", False)):
                    text = cluster.log(pod, container, previous=previous, lines=_LINES)
                    if text:
                        sections.append((f"{title} of replica {pod['metadata']['name']}", text))
        return sections

    def end(self, *, keep: bool) -> None:
        """Ends a test: removes its services, unless they are kept.

        Args:
            keep: Whether the services of a test that has failed are kept.
        """
        self._environment.set()
        for service in self.services.started:
            service.let_go()
        try:
            if keep and self.has_failed:
                self._keep()
            elif self._is_local and not self._shared and not self.kept:
                self._stop()
            else:
                self._remove(_keys(self._new()) | _keys(self.services.started))
        finally:
            self._go_off()

    def about_kept(self) -> str:
        """Returns a line about each service that is kept, and how to look at them."""
        names = "\n".join(f"{name} in namespace {namespace}" for namespace, name in self.kept)
        if not self._is_local:
            return f"{names}\n`dataservice delete` deletes them."
        return f"{names}\nThey end with pytest. Until then, another terminal shows them: `dataservice list --local -A`."

    def close(self) -> None:
        """Ends the cluster of this process; waits for Enter before if services are kept and a user is there."""
        if self.kept and self._is_local and sys.stdin and sys.stdin.isatty():
            with suppress(EOFError, KeyboardInterrupt, OSError):
                input("Press Enter to end the data services that are kept. ")
        if self._is_local:
            self._stop()

    def _go_off(self) -> None:
        self.is_on = False
        self._environment.reset()
        if self._signals:
            self._signals.restore()
            self._signals = None

    def _stop(self) -> None:
        from k8sdataservice._core import stop_local_cluster

        # Its watches would report that nobody answers them any more.
        default_client.cache_clear()
        stop_local_cluster()
        self._environment.socket = None

    def _listed(self) -> list[Listed]:
        namespace = None if self._is_local else settings.namespace()
        return list(default_client().list_sync(namespace=namespace).services)

    def _new(self) -> list[Listed]:
        """Returns the services that exist since the test began, and that it has not started itself."""
        others = self._before | _keys(self.services.started) | self._of_all()
        new = [each for each in self._listed() if (each.namespace, each.name) not in others]
        # On a cluster other people have services, too: those of this process are held by it.
        return new if self._is_local else [each for each in new if this_process() in each.used_by]

    def _of_all(self) -> set[_Key]:
        return _keys(self._shared.started) if self._shared else set()

    def _remove(self, services: set[_Key]) -> None:
        for namespace, name in sorted(services):
            default_client().delete_sync(name, namespace=namespace, force=True, timeout=_PATIENCE)
        cluster = self._cluster()
        if cluster is None:
            return
        # The next test is not to find what this one has stored.
        for claim in cluster.all(_CLAIMS):
            where, name = (claim["metadata"][key] for key in ("namespace", "name"))
            if any(where == namespace and _is_of(service, name) for namespace, service in services):
                cluster.delete(_CLAIMS, where, name)

    def _keep(self) -> None:
        self.kept += sorted(_keys(self._new()) | _keys(self.services.started))
        if self._is_local and self.kept:
            # The next tests have room for services of the same names.
            self._namespace = self._namespace or settings.namespace()
            self._environment.namespace = f"{self._namespace}-{len(self.kept)}"

    def _cluster(self) -> replicas.Pods | None:
        socket = self._environment.socket
        return replicas.Pods(Path(socket)) if socket else None


def _keys(services: Iterable[Service] | Iterable[Listed]) -> set[_Key]:
    return {(each.namespace, each.name) for each in services}


def _is_of(service: str, claim: str) -> bool:
    """Whether a claim is one of the replicas of a service: its name ends with that of the pod."""
    name, _, ordinal = claim.rpartition("-")
    return name.endswith(f"-{service}") and ordinal.isdecimal()
