"""Kubeconfigs, API servers and certificates that a test makes as it needs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from localcluster.certificates import CertificateAuthority

from unit.api_server import ApiServer
from unit.connections.support import Write


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[..., ApiServer]]:
    """Returns a function that starts an API server."""
    started: list[ApiServer] = []

    def start(**options: Any) -> ApiServer:
        started.append(ApiServer(**options))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Returns a function that writes a kubeconfig and makes it the one in use."""

    def kubeconfig(server: str, user: dict[str, Any] | None = None, name: str = "kubeconfig", **cluster: Any) -> Path:
        text = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server} | cluster}],
            "users": [{"name": "u", "user": user or {"token": "t"}}],
            "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "dev",
        }
        file = tmp_path / name
        file.write_text(json.dumps(text))
        monkeypatch.setenv("KUBECONFIG", str(file))
        return file

    return kubeconfig


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Returns a certificate authority."""
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def own(authority: CertificateAuthority) -> tuple[Path, Path]:
    """Returns the certificate of a server on loopback, and its key."""
    made = authority.server("own", ["127.0.0.1"], [])
    return made.certificate, made.key
