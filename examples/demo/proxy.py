"""Passes requests for a pod's stable name on through the API server."""

from __future__ import annotations

import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo.place import Place


class PodProxy:
    """An HTTP proxy on loopback for ``http://<pod>.<service>.<namespace>:<port>/``, and ``kubectl proxy`` behind it."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __enter__(self) -> PodProxy:
        """Starts both."""
        command = [self._place.kubectl, "--kubeconfig", str(self._place.kubeconfig), "proxy", "--port", "0"]
        self._kubectl = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._kubectl.stdout
        # "Starting to serve on 127.0.0.1:12345"
        self._behind = self._kubectl.stdout.readline().split()[-1]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        """Ends both."""
        self._server.shutdown()
        self._kubectl.terminate()
        self._kubectl.wait()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        behind, default = self._behind, self._place.namespace

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urllib.parse.urlsplit(self.path)
                pod, _, *namespace = (asked.hostname or "").split(".")
                where = f"namespaces/{namespace[0] if namespace else default}/pods/{pod}:{asked.port}"
                try:
                    with urllib.request.urlopen(f"http://{behind}/api/v1/{where}/proxy{asked.path}") as answer:
                        body, status = answer.read(), answer.status
                except urllib.error.HTTPError as error:
                    body, status = error.read(), error.code
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing: the demonstration has its own words."""

        return Handler
