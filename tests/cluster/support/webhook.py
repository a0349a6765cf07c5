"""Admission webhooks on this machine, which the local cluster's API server asks."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cluster.support.admission import PROBE, probe_pod, try_create
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.objects import foreign_stateful_set

ADMISSION = "admissionregistration.k8s.io/v1"
WEBHOOK = "images.example.com"

#: The answer of a webhook to a request: the fields of its response beside the uid.
Answer = Callable[[Object], Object]


def _refuse(request: Object) -> Object:
    return {"allowed": False, "status": {"message": "images come from our own registry", "code": 403}}


@contextmanager
def webhook_that_refuses(kubernetes: Kubernetes, folder: Path) -> Iterator[None]:
    """Lets a webhook refuse every pod of a namespace."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    with _webhook(kubernetes, folder, "ValidatingWebhookConfiguration", rule, _refuse):
        yield


@contextmanager
def webhook_of_stateful_sets(
    kubernetes: Kubernetes, folder: Path, answer: Answer = _refuse, client: Object | None = None
) -> Iterator[None]:
    """Lets a webhook judge every StatefulSet of a namespace. It has a second to answer.

    Args:
        kubernetes: The namespace.
        folder: Where the webhook's certificate is kept.
        answer: What it answers.
        client: How the API server reaches it, where that is not this process.
    """
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["statefulsets"]}
    with _webhook(kubernetes, folder, "ValidatingWebhookConfiguration", rule, answer, client):
        yield


@contextmanager
def webhook_that_changes(kubernetes: Kubernetes, folder: Path, change: Callable[[Object], None]) -> Iterator[None]:
    """Lets a webhook change every StatefulSet and Service of a namespace, as images are rewritten to a mirror.

    Args:
        kubernetes: The namespace.
        folder: Where the webhook's certificate is kept.
        change: Changes an object in place.
    """

    def answer(request: Object) -> Object:
        changed = json.loads(json.dumps(request["object"]))
        change(changed)
        patch = [{"op": "replace", "path": f"/{key}", "value": changed[key]} for key in ("metadata", "spec")]
        return {
            "allowed": True,
            "patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
        }

    rule = {
        "apiGroups": ["", "apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["statefulsets", "services"],
    }
    with _webhook(kubernetes, folder, "MutatingWebhookConfiguration", rule, answer):
        yield


def _handler(answer: Answer, asked: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = review.pop("request")
            if request["name"] == PROBE:
                asked.set()
            review["response"] = {"uid": request["uid"], **answer(request)}
            body = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def _webhook(
    kubernetes: Kubernetes, folder: Path, kind: str, rule: Object, answer: Answer, client: Object | None = None
) -> Iterator[None]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", "/CN=webhook", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked = threading.Event()
    probe = probe_pod() if "pods" in rule["resources"] else foreign_stateful_set(PROBE)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer, asked)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        configuration = _configuration(kind, kubernetes.namespace, server.server_port, certificate, rule)
        if client:
            configuration["webhooks"][0]["clientConfig"] = client
        kubernetes.apply(configuration)
        try:
            # The API server needs a moment until it asks a new webhook.
            wait_until(lambda: WEBHOOK in try_create(kubernetes, probe) or asked.is_set(), "the webhook to be asked")
            yield
        finally:
            kubernetes.run("delete", kind.lower(), kubernetes.namespace)
            server.shutdown()


def _configuration(kind: str, namespace: str, port: int, certificate: Path, rule: Object) -> Object:
    bundle = base64.b64encode(certificate.read_bytes()).decode()
    hook = {
        "name": WEBHOOK,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 1,
        "clientConfig": {"url": f"https://127.0.0.1:{port}/", "caBundle": bundle},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [rule],
    }
    return {"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": namespace}, "webhooks": [hook]}
