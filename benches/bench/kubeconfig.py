"""How to reach the API server with nothing but the standard library's HTTP client."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import urlsplit

import yaml

from bench.errors import BenchError


@dataclass(frozen=True)
class Access:
    """The API server's address and the user's credentials."""

    host: str
    port: int
    path: str
    tls: ssl.SSLContext
    headers: dict[str, str]


def read(kubeconfig: Path) -> Access:
    """Reads the current context of a kubeconfig.

    Raises:
        BenchError: It cannot be used: there is none, or its login is one that only kubectl can do.
    """
    try:
        content: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
    except OSError as error:
        raise BenchError(f"The kubeconfig {kubeconfig} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise BenchError(f"The kubeconfig {kubeconfig} is not valid YAML: {error}.") from error
    try:
        context = _named(content["contexts"], content["current-context"])["context"]
        cluster = _named(content["clusters"], context["cluster"])["cluster"]
        user = _named(content["users"], context["user"])["user"]
        address = urlsplit(cluster["server"])
    except (KeyError, TypeError, StopIteration) as error:
        raise BenchError(
            f"The kubeconfig {kubeconfig} has no complete current context. Choose one: `kubectl config use-context`."
        ) from error
    if address.scheme != "https" or "exec" in user or "auth-provider" in user:
        raise BenchError(
            "The benchmark reaches an API server by HTTPS, with a client certificate or a token. The current context "
            f"of {kubeconfig} uses something else; give it a kubeconfig of a service account."
        )
    tls = _tls(cluster, user, kubeconfig.parent)
    token = user.get("token") or (Path(user["tokenFile"]).read_text().strip() if "tokenFile" in user else None)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Access(address.hostname or "", address.port or 443, address.path.rstrip("/"), tls, headers)


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _tls(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> ssl.SSLContext:
    authority = _content(cluster, "certificate-authority", folder)
    tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    certificate, key = _content(user, "client-certificate", folder), _content(user, "client-key", folder)
    if certificate and key:
        # The standard library takes a client's certificate from a file only.
        with NamedTemporaryFile(prefix="bench-client-", suffix=".pem") as file:
            file.write(certificate + b"\n" + key)
            file.flush()
            tls.load_cert_chain(file.name)
    return tls


def _content(entry: dict[str, Any], key: str, folder: Path) -> bytes | None:
    if data := entry.get(f"{key}-data"):
        return base64.b64decode(data)
    return (folder / entry[key]).read_bytes() if entry.get(key) else None
