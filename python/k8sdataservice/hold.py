"""Holds a service that exists, so that it does not end while a person or a program uses it."""

from __future__ import annotations

import logging
import uuid
from types import TracebackType

from k8sdataservice import settings
from k8sdataservice.default_client import default_client, warn
from k8sdataservice.exceptions import DataServiceError
from k8sdataservice.holder import this_process
from k8sdataservice.target import check_cluster

logger = logging.getLogger("k8sdataservice.client")


class Hold:
    """A service that is held while a ``with`` or ``async with`` block runs.

    Attributes:
        name: The service's name.
        namespace: The namespace it lives in.
    """

    def __init__(self, name: str, namespace: str, cluster: str | None) -> None:
        """Makes a hold; the service is held from the beginning of the block on."""
        self.name = name
        self.namespace = namespace
        self._cluster = cluster
        self._owners: list[str] = []

    def __enter__(self) -> Hold:
        """Holds the service."""
        client, owner = default_client(), f"local-{uuid.uuid4().hex}"
        check_cluster(client, self._cluster)
        warn(
            client.hold_sync(
                self.name, namespace=self.namespace, owner=owner, holder=this_process(), cluster=self._cluster
            )
        )
        self._owners.append(owner)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Releases the service."""
        owner = self._owners.pop()
        try:
            default_client().leave_sync(self.name, namespace=self.namespace, owner=owner, cluster=self._cluster)
        except DataServiceError as problem:
            self._log(problem)

    async def __aenter__(self) -> Hold:
        """Holds the service."""
        client, owner = default_client(), f"local-{uuid.uuid4().hex}"
        check_cluster(client, self._cluster)
        warn(
            await client.hold(
                self.name, namespace=self.namespace, owner=owner, holder=this_process(), cluster=self._cluster
            )
        )
        self._owners.append(owner)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Releases the service."""
        owner = self._owners.pop()
        try:
            await default_client().leave(self.name, namespace=self.namespace, owner=owner, cluster=self._cluster)
        except DataServiceError as problem:
            self._log(problem)

    def _log(self, problem: DataServiceError) -> None:
        logger.warning("Data service %s is held until its Lease expires, a minute from now. %s", self.name, problem)


def hold(name: str, *, namespace: str | None = None, cluster: str | None = None) -> Hold:
    """Holds a service that exists for as long as a block runs.

    The service does not end while it is held, and a ``CleanupSensor`` leaves it alone::

        with hold("feature-store"):
            explore(endpoints("feature-store"))

    In an event loop, use ``async with``. A process that is killed holds the service for a minute more. The account in
    use needs the permissions of
    https://github.com/flyteorg/flytekitplugins-k8sdataservice/blob/main/examples/rbac-local.yaml.

    Args:
        name: The service's name.
        namespace: The namespace it lives in. Default: that of its cluster, else the platform's.
        cluster: The cluster it lives in. Default: the current context.

    Raises:
        NotFoundError: There is no data service of that name.
        ForbiddenError: The account lacks a permission.
        DataServiceError: The cluster could not be asked.
    """
    return Hold(name, namespace or settings.namespace(cluster, known=cluster is not None), cluster)
