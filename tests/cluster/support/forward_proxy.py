"""Proxies as companies have them: HTTP CONNECT, with TLS or not, and SOCKS 5, with a password or not."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import struct
import threading
from pathlib import Path


class ForwardProxy:
    """A proxy on loopback that keeps a list of what it was asked to connect to."""

    def __init__(
        self,
        scheme: str = "http",
        *,
        login: tuple[str, str] | None = None,
        hosts: dict[str, str] | None = None,
        certificate: tuple[Path, Path] | None = None,
        refuse: bool = False,
    ) -> None:
        """Starts to listen.

        Args:
            scheme: `http`, `https` or `socks5`.
            login: The user and the password that it asks for.
            hosts: The addresses of names that only the proxy can resolve.
            certificate: The certificate and the key of an `https` proxy.
            refuse: Whether it refuses to connect to anything.
        """
        self.asked: list[str] = []
        self._scheme = scheme
        self._login = login
        self._hosts = hosts or {}
        self._refuse = refuse
        self._tls: ssl.SSLContext | None = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, login: tuple[str, str] | None = None) -> str:
        """Returns its address, with a user and a password if given, which are percent-encoded already."""
        userinfo = f"{login[0]}:{login[1]}@" if login else ""
        return f"{self._scheme}://{userinfo}127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Takes no connection any more."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(client.close)
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
                stack.callback(client.close)
            target = self._socks(client) if self._scheme == "socks5" else self._connect(client)
            if target:
                self._relay(client, target)

    def _connect(self, client: socket.socket) -> socket.socket | None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = client.recv(4096)
            if not part:
                return None
            head += part
        request, *headers = head.decode().split("\r\n")
        method, place, _ = request.split(" ")
        assert method == "CONNECT", request
        if self._login:
            expected = "basic " + base64.b64encode(":".join(self._login).encode()).decode().lower()
            given = [header.split(": ", 1)[1].lower() for header in headers if header.lower().startswith("proxy-auth")]
            if given != [expected]:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return None
        self.asked.append(place)
        if self._refuse:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return None
        host, port = place.rsplit(":", 1)
        target = socket.create_connection((self._hosts.get(host, host.strip("[]")), int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return target

    def _socks(self, client: socket.socket) -> socket.socket | None:
        _, number = _exactly(client, 2)
        methods = _exactly(client, number)
        if self._login:
            if 2 not in methods:
                client.sendall(b"\x05\xff")
                return None
            client.sendall(b"\x05\x02")
            _, length = _exactly(client, 2)
            user = _exactly(client, length).decode()
            password = _exactly(client, _exactly(client, 1)[0]).decode()
            if (user, password) != self._login:
                client.sendall(b"\x01\x01")
                return None
            client.sendall(b"\x01\x00")
        else:
            client.sendall(b"\x05\x00")
        _, _, _, kind = _exactly(client, 4)
        host = socket.inet_ntoa(_exactly(client, 4)) if kind == 1 else _exactly(client, _exactly(client, 1)[0]).decode()
        (port,) = struct.unpack(">H", _exactly(client, 2))
        self.asked.append(f"{host}:{port}")
        if self._refuse:
            client.sendall(b"\x05\x02\x00\x01" + bytes(6))
            return None
        target = socket.create_connection((self._hosts.get(host, host), port))
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        return target

    @staticmethod
    def _relay(client: socket.socket, target: socket.socket) -> None:
        def pass_on(source: socket.socket, sink: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    sink.sendall(data)
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_WR)

        back = threading.Thread(target=pass_on, args=(target, client), daemon=True)
        back.start()
        pass_on(client, target)
        back.join()
        target.close()


def _exactly(client: socket.socket, number: int) -> bytes:
    data = b""
    while len(data) < number:
        part = client.recv(number - len(data))
        if not part:
            raise ConnectionError("The client hung up.")
        data += part
    return data
