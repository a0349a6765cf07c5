"""A way to the API server on which chosen requests are answered otherwise, for calls that are about no one service."""

from __future__ import annotations

from collections.abc import Callable

from cluster.support.faults.api_server import ApiServer
from cluster.support.faults.exchange import Exchange
from cluster.support.faults.proxy import FaultProxy, Strike

#: A function that is called instead of passing a request on, if any.
Choice = Callable[[Exchange], Strike | None]


class ChoosingProxy(FaultProxy):
    """A proxy whose strikes meet every request that a function chooses."""

    def __init__(self, server: ApiServer, choose: Choice) -> None:
        """Starts to listen.

        Args:
            server: The API server behind it.
            choose: Chooses what happens to a request.
        """
        self._choose = choose
        #: Each request, such as ``GET /api/v1/nodes?limit=500``.
        self.requests: list[str] = []
        super().__init__(server)

    def _pass_on(self, exchange: Exchange) -> None:
        self.requests.append(f"{exchange.method} {exchange.target}")
        strike = self._choose(exchange)
        if strike:
            strike(exchange)
        else:
            exchange.reply(exchange.act())
