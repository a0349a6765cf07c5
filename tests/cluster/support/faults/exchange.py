"""One request on its way through the proxy, and what can be done with it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import struct
from http.server import BaseHTTPRequestHandler

from cluster.support.faults.api_server import Answer, ApiServer

#: Headers that are between neighbours, and so not passed on.
_OF_THE_CONNECTION = {"host", "connection", "transfer-encoding", "content-length", "accept-encoding", "authorization"}


class Exchange:
    """A request from a connector."""

    def __init__(self, server: ApiServer, handler: BaseHTTPRequestHandler) -> None:
        """Reads the request."""
        self._server = server
        self._handler = handler
        self.method, self.target = handler.command, handler.path
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self._headers = {
            name: value for name, value in handler.headers.items() if name.lower() not in _OF_THE_CONNECTION
        }

    def act(self) -> Answer:
        """Lets the API server do what it is asked."""
        return self._server.send(self.method, self.target, self._headers, self.body)

    def reply(self, answer: Answer) -> None:
        """Answers the connector."""
        self._write(_head(answer.code, answer.headers, f"Content-Length: {len(answer.body)}") + answer.body)

    def refuse(self, code: int, reason: str, message: str, **headers: str) -> None:
        """Answers in the API server's place, as it does where something is wrong."""
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
        after = int(headers.get("Retry-After", 0))
        details = {"details": {"retryAfterSeconds": after}} if after else {}
        body = json.dumps(status | {"code": code, "reason": reason, "message": message} | details).encode()
        self.reply(Answer(code, [("Content-Type", "application/json"), *headers.items()], body))

    def reply_half(self, answer: Answer) -> None:
        """Answers the connector, and hangs up in the middle of it."""
        whole = _head(answer.code, answer.headers, f"Content-Length: {len(answer.body)}")
        self._write(whole + answer.body[: len(answer.body) // 2])
        self.hang_up()

    def hang_up(self) -> None:
        """Breaks the connection to the connector."""
        self._handler.close_connection = True
        with contextlib.suppress(OSError):  # It may have hung up itself.
            self._handler.connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Breaks the connection to the connector so that it sees an error, and not an end."""
        connection = self._handler.connection
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(connection.detach())

    def stream(self) -> None:
        """Passes an answer on that comes piece by piece, for as long as it lasts."""
        connection = self._server.borrow()
        try:
            response = self._server.begin(connection, self.method, self.target, self._headers, self.body)
            self._write(_head(response.status, response.getheaders(), "Connection: close"))
            while piece := response.read1():
                self._write(piece)
        except (OSError, ValueError, http.client.HTTPException):
            pass  # One side has hung up, and so does the other.
        finally:
            connection.close()
            self.hang_up()

    def _write(self, text: bytes) -> None:
        try:
            self._handler.wfile.write(text)
        except OSError:
            self._handler.close_connection = True


def _head(code: int, headers: list[tuple[str, str]], length: str) -> bytes:
    kept = [f"{name}: {value}" for name, value in headers if name.lower() not in _OF_THE_CONNECTION]
    lines = [f"HTTP/1.1 {code} {http.client.responses.get(code, '')}", *kept, length]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
