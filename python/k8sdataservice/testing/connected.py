"""A service that runs already, by its addresses."""

from __future__ import annotations

import socket
import time

from k8sdataservice.endpoints import Endpoints
from k8sdataservice.exceptions import DataServiceError, DataServiceTimeoutError
from k8sdataservice.target import invalid

#: How often its addresses are tried, in seconds.
_PAUSE = 0.05


class ConnectedService:
    """A service that runs already. It has addresses, and nobody here may end it.

    Attributes:
        name: The host of its first address.
        namespace: Empty, since it is not known.
        endpoints: Its addresses, as ``k8sdataservice.endpoints`` has them.
    """

    def __init__(self, addresses: tuple[str, ...]) -> None:
        """Connects to nothing yet.

        Args:
            addresses: Each as ``host:port``.

        Raises:
            InvalidSpecError: There is none, or one is something else.
        """
        if not addresses:
            raise invalid("addresses", "addresses is empty: pass at least one, such as 127.0.0.1:40000.")
        pairs = [_parsed(address) for address in addresses]
        self.name, port = pairs[0]
        self.namespace = ""
        pods = [(host, {port: number}) for host, number in pairs]
        self.endpoints = Endpoints(self.name, "", [host for host, _ in pairs], port, {}, pods)

    @property
    def addresses(self) -> list[str]:
        """Each address as ``host:port``."""
        return self.endpoints.addresses

    def wait(self, for_: str = "Ready", timeout: float = 60.0) -> ConnectedService:
        """Waits until every address takes connections.

        Args:
            for_: ``Ready``; nothing else is known of the service.
            timeout: For how many seconds to wait.

        Raises:
            DataServiceTimeoutError: One does not.
        """
        if for_ != "Ready":
            raise invalid("for_", f'for_ is "{for_}", but of a service that runs already only Ready is known.')
        end = time.monotonic() + timeout
        for address in self.addresses:
            host, port = _parsed(address)
            while not _answers(host, port):
                if time.monotonic() > end:
                    raise DataServiceTimeoutError(f"Nothing takes connections at {address} after {timeout:g} s.")
                time.sleep(_PAUSE)
        return self

    def kill(self, ordinal: int = 0) -> None:
        """Is refused.

        Raises:
            DataServiceError: Always.
        """
        raise DataServiceError(f"Replica {ordinal} of {self.name} was not started here, so it is not killed.")

    def logs(self, ordinal: int | None = None) -> str:
        """Is refused.

        Raises:
            DataServiceError: Always.
        """
        raise DataServiceError(f"The logs of {self.name} are not known: it was not started here.")

    def delete(self) -> None:
        """Does nothing: the service was not started here."""


def _parsed(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise invalid("addresses", f'addresses has "{address}", but an address is a host and a port: 127.0.0.1:40000.')
    return host, int(port)


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host.strip("[]"), port), timeout=1):
            return True
    except OSError:
        return False
