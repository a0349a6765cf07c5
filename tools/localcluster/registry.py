"""The registry that every image pull of the node goes to: it has no images, and answers as a registry does.

So a missing image gives the same error on every machine, no test waits for a network, and none reaches outside.
"""

from __future__ import annotations

import hashlib
import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localcluster.python_component import python_command

# The parts of an image's name that select another answer than "not found".
ANSWERS = {
    "throttled": (HTTPStatus.TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "You have reached your pull rate limit."),
    "forbidden": (HTTPStatus.FORBIDDEN, "DENIED", "Requested access to the resource is denied."),
    "broken": (HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", "The registry is being serviced."),
}
_NOT_FOUND = (HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", "Manifest unknown.")

_OCI = "application/vnd.oci.image"


def _foreign_contents() -> dict[str, tuple[str, bytes]]:
    """Return an image for a processor that no machine of the tests has: an index with one manifest, by their digests.

    The image is `foreign:index`. The manifest alone would not do: containerd takes it whatever it is for, and the
    kernel alone finds that it does not know its programs.
    """
    contents: dict[str, tuple[str, bytes]] = {}
    platform = {"architecture": "s390x", "os": "linux"}

    def add(media_type: str, content: object, tag: str | None = None) -> dict[str, object]:
        body = json.dumps(content).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        for key in (digest, tag):
            if key:
                contents[key] = (media_type, body)
        return {"mediaType": media_type, "digest": digest, "size": len(body)}

    config = add(f"{_OCI}.config.v1+json", platform | {"rootfs": {"type": "layers", "diff_ids": []}})
    manifest = {"schemaVersion": 2, "mediaType": f"{_OCI}.manifest.v1+json", "config": config, "layers": []}
    described = add(f"{_OCI}.manifest.v1+json", manifest)
    index = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.index.v1+json",
        "manifests": [described | {"platform": platform}],
    }
    add(f"{_OCI}.index.v1+json", index, "index")
    return contents


#: The manifest that the registry has for images whose name contains `foreign`.
_FOREIGN = _foreign_contents()


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
        """Answer with an image that no node can run, or that there is no such image."""
        content = _FOREIGN.get(self.path.partition("?")[0].rpartition("/")[2]) if "/foreign/" in self.path else None
        if content is not None:
            self._answer(HTTPStatus.OK, *content)
            return
        found = (answer for word, answer in ANSWERS.items() if word in self.path)
        status, code, message = next(found, _NOT_FOUND)
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self._answer(status, "application/json", body)

    def _answer(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls


def main() -> None:
    """Serve until killed; the argument is the port."""
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
