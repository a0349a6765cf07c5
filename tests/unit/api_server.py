"""An API server that answers every request the same way, for what it depends on how a client gets there."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = tuple[int, str, str]

NOT_FOUND: Answer = (
    404,
    "application/json",
    json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}),
)


class ApiServer:
    """A server on loopback. It remembers who has asked for what."""

    def __init__(
        self,
        answer: Callable[[str], Answer] = lambda _: NOT_FOUND,
        certificate: tuple[Path, Path] | None = None,
        authority: Path | None = None,
    ) -> None:
        """Starts to serve.

        Args:
            answer: The answer for a value of the header `Authorization`.
            certificate: The certificate and the key to serve TLS with.
            authority: Who has to have signed the certificates of clients.
        """
        self.authorizations: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                authorization = self.headers.get("Authorization", "")
                outer.authorizations.append(authorization)
                code, kind, body = answer(authorization)
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body.encode())))
                with contextlib.suppress(OSError):
                    self.end_headers()
                    self.wfile.write(body.encode())

            do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            if authority:
                context.load_verify_locations(authority)
                context.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Ends."""
        self._server.shutdown()
        self._server.server_close()
