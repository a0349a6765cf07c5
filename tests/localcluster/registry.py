"""The registry that every image pull of the node goes to: it has no image, and says so in the ways that registries do.

So a missing image gives the same error on every machine, no test waits for a network, and none reaches outside.
"""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localcluster.python_component import python_command

# What an image's name has to contain to get another answer than that it is not there.
ANSWERS = {
    "throttled": (HTTPStatus.TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "You have reached your pull rate limit."),
    "forbidden": (HTTPStatus.FORBIDDEN, "DENIED", "Requested access to the resource is denied."),
    "broken": (HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", "The registry is being serviced."),
}
_NOT_FOUND = (HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", "Manifest unknown.")


def command(port: int) -> list[str]:
    """Return the command line of the registry's process."""
    return python_command("localcluster.registry", str(port))


def write_configuration(folder: Path, port: int) -> Path:
    """Write what makes containerd use this registry for every image name; return the folder to point it to."""
    default = folder / "_default"
    default.mkdir(parents=True, exist_ok=True)
    server = f"http://127.0.0.1:{port}"
    (default / "hosts.toml").write_text(
        f'server = "{server}"\n\n[host."{server}"]\ncapabilities = ["pull", "resolve"]\n'
    )
    return folder


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer that there is no such image."""
        found = (answer for word, answer in ANSWERS.items() if word in self.path)
        status, code, message = next(found, _NOT_FOUND)
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls


def main() -> None:
    """Serve until killed; the argument is the port."""
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
