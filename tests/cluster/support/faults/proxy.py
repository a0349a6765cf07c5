"""A way to the API server on which chosen calls of chosen services go wrong."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cluster.support.faults.api_server import ApiServer
from cluster.support.faults.calls import Position, call_of
from cluster.support.faults.exchange import Exchange

#: A function that is called instead of passing a call on.
Strike = Callable[[Exchange], None]


class Trouble:
    """The faults of one service, and its calls so far."""

    def __init__(self, strikes: Mapping[Position, Strike] | None = None, stays: Position | None = None) -> None:
        """Plans it.

        Args:
            strikes: What happens to which call. Without any, the calls are only noted.
            stays: The position whose strike also meets every call after it.
        """
        self.keys: list[str] = []
        self.struck = 0
        self._strikes = dict(strikes or {})
        self._stays = stays
        self._standing: Strike | None = None
        self._turns: Counter[str] = Counter()
        self._under_way = 0
        self._changed = threading.Condition()

    def enter(self, key: str) -> Strike | None:
        """Notes a call, and returns its strike."""
        with self._changed:
            self.keys.append(key)
            self._under_way += 1
            position = Position(key, self._turns[key])
            strike = self._strikes.get(position) or self._standing
            self._turns[key] += 1
            if strike:
                self.struck += 1
            if position == self._stays:
                self._standing = strike
            self._changed.notify_all()
            return strike

    def leave(self) -> None:
        """Notes that a call is over."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def settle(self) -> None:
        """Waits until no call is under way: a late one may still act when its sender has long given up."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._under_way, 30), "A call never ended."


class FaultProxy:
    """An HTTP server that passes requests on to the API server, unless there is trouble."""

    def __init__(self, server: ApiServer, watches: bool = False) -> None:
        """Starts to listen.

        Args:
            server: The API server behind it.
            watches: Whether watches are passed on. Without one every poll asks the API server, so that there is
                something to go wrong.
        """
        self._server = server
        self._watches = watches
        self._troubles: dict[str, Trouble] = {}
        self._watch_strikes: deque[Strike] = deque()
        self._watching: Strike | None = None
        self._streams: list[Exchange] = []
        self._calls: Counter[tuple[bool, bool]] = Counter()
        self._counting = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy._pass_on(Exchange(server, self))

            do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815

            def log_message(self, format: str, *arguments: object) -> None:
                """Says nothing: a failed case names its calls."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: object, client_address: object) -> None:
                """Says nothing: a connector that is killed hangs up in the middle of a request."""

        self._listener = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()

    def trouble(self, service: str, trouble: Trouble) -> None:
        """Makes trouble for a service, in place of what was planned for it before."""
        self._troubles[service] = trouble

    def break_watches(self, strikes: Iterable[Strike]) -> None:
        """Breaks every watch, and lets each of the next ones meet a strike."""
        self._watch_strikes.extend(strikes)
        self.end_watches()

    def strike_watching(self, strike: Strike | None) -> None:
        """Lets each request of a watch, its lists included, meet a strike from now on; None ends that."""
        self._watching = strike

    def end_watches(self) -> None:
        """Ends every watch that is open, as the API server does after a while."""
        for stream in self._open_streams():
            stream.hang_up()

    def cut_watches(self) -> None:
        """Breaks the connection of every watch that is open."""
        for stream in self._open_streams():
            stream.reset()

    def _open_streams(self) -> list[Exchange]:
        streams, self._streams = self._streams, []
        return streams

    @property
    def calls(self) -> int:
        """How many calls were made for single services, as a poll makes that does not find its answer in memory."""
        with self._counting:
            return self._calls[True, False]

    @property
    def attempts(self) -> int:
        """How many lists and watches of all services were asked for."""
        with self._counting:
            return self._calls[False, False] + self._calls[False, True]

    @property
    def has_struck(self) -> bool:
        """Whether every strike against a watch has met one."""
        return not self._watch_strikes

    def kubeconfig(self, folder: Path) -> Path:
        """Writes the kubeconfig of a client that goes this way."""
        config = json.loads(json.dumps(self._server.config))
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self._listener.server_port}"}
        config["users"][0]["user"] = {}
        path = folder / "fault-kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def close(self) -> None:
        """Ends for good."""
        self._listener.shutdown()
        self._listener.server_close()

    def _pass_on(self, exchange: Exchange) -> None:
        call = call_of(exchange.method, exchange.target, exchange.body)
        is_watch = "watch=true" in exchange.target
        with self._counting:
            self._calls[call is not None, is_watch] += 1
        if call is None and self._watches:
            if is_watch and self._watch_strikes:
                self._watch_strikes.popleft()(exchange)
                return
            if self._watching:
                self._watching(exchange)
                return
            if is_watch:
                self._streams.append(exchange)
            exchange.stream()
            return
        if call is None:
            exchange.refuse(403, "Forbidden", "watching is forbidden here")
            return
        trouble = self._troubles.get(call.service)
        strike = trouble.enter(call.key) if trouble else None
        try:
            if strike:
                strike(exchange)
            else:
                exchange.reply(exchange.act())
        finally:
            if trouble:
                trouble.leave()
