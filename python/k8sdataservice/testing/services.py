"""The services of a test, or of all tests of a process."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from k8sdataservice import settings
from k8sdataservice.default_client import new_client, warn
from k8sdataservice.holder import this_process
from k8sdataservice.target import wire_of
from k8sdataservice.testing.connected import ConnectedService
from k8sdataservice.testing.service import Service

if TYPE_CHECKING:
    from k8sdataservice.configuration import Configuration


class DataServices:
    """Starts services. The fixture removes them.

    Attributes:
        started: The services that were started, those that were deleted as well.
    """

    def __init__(self, *, is_local: bool) -> None:
        """Starts nothing yet.

        Args:
            is_local: Whether replicas are processes of this machine.
        """
        self._is_local = is_local
        self.started: list[Service] = []

    def start(self, config: Configuration | Mapping[str, Any], *, wait: bool = True, timeout: float = 60.0) -> Service:
        """Starts a service, or finds the one that an earlier call has started.

        A workflow's own task of the same ``Name`` and configuration finds it, and its cleanup leaves it alone.

        Args:
            config: The task or its configuration, or the wire form of one.
            wait: Whether to wait until the service is ready.
            timeout: For how many seconds to wait.

        Raises:
            InvalidSpecError: A field is at fault.
            DataServiceError: It cannot be started, has failed or, as a ``DataServiceTimeoutError``, is not ready in
                time.
        """
        wire = wire_of(dict(config) if isinstance(config, Mapping) else config)
        # A client of its own holds it: what the client of the workflow holds, the workflow's cleanup deletes.
        client = new_client()
        created = client.create_sync(
            wire,
            namespace=settings.namespace(wire.get("Cluster")),
            owner=f"local-{uuid.uuid4().hex}",
            execution="a test",
            holder=this_process(),
        )
        warn(created.warning)
        service = Service(created.name, created.namespace, wire, client, self._is_local)
        if not created.existing:
            self.started.append(service)
        return service.wait(timeout=timeout) if wait else service

    def connect(self, *addresses: str) -> ConnectedService:
        """Returns a service that runs already.

        Args:
            *addresses: Each replica as ``host:port``.

        Raises:
            InvalidSpecError: An address is no address.
        """
        return ConnectedService(addresses)
