"""Surroundings of tests: a cluster that never answers, and a kubeconfig that nobody may read."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def silent_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Returns the kubeconfig of an API server that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        port = listener.getsockname()[1]
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
                    "users": [{"name": "u", "user": {"token": "secret"}}],
                    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "c",
                }
            )
        )
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        yield kubeconfig


@pytest.fixture
def nobody_elses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Sets a kubeconfig that nobody may read, and removes what this run of pytest has set."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    (tmp_path / "kubeconfig").write_text("{{{ garbage")
    for name in [name for name in os.environ if name.startswith(("K8SDATASERVICE_", "PYTEST_XDIST", "PYTEST_ADDOPTS"))]:
        monkeypatch.delenv(name)
    # Pods of a platform have to stand for 3 s, which the tests would wait for.
    monkeypatch.setenv("K8SDATASERVICE_MIN_READY_SECONDS", "0")


@pytest.fixture(autouse=True)
def no_variables_left() -> Iterator[None]:
    """Fails a test that leaves variables of ours behind, which would switch the tests after it to another cluster."""

    def variables() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name.startswith("K8SDATASERVICE_")}

    before = variables()
    yield
    after = variables()
    for name in after:
        del os.environ[name]
    os.environ |= before
    assert after == before
