"""How replicas of local mode are reached, and what the process that has them is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
    import json, logging, sys
    logging.basicConfig(level=logging.INFO)
    from k8sdataservice.default_client import default_client
    from k8sdataservice.endpoints import endpoints
    client = default_client()
    config = {
        "Name": "foo", "Image": "r/i:1", "Replicas": 2, "MinReadySeconds": 0,
        "Command": ["sh", "-c", 'exec python3 -m http.server "$SERVER_PORT" --bind "$SERVER_HOST"'],
        "ReadinessProbe": {"tcpSocket": {"port": 40000}},
    }
    client.create_sync(config, namespace="flyte", owner="me", execution="x")
    phase = client.wait_sync("foo", namespace="flyte", timeout=30).phase
    found = endpoints("foo", namespace="flyte")
    print(json.dumps([phase, found.addresses, found.port]))
"""


def run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "K8SDATASERVICE_LOCAL": "processes",
        "XDG_RUNTIME_DIR": str(folder),
        "TMPDIR": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        env=environment | {f"K8SDATASERVICE_LOCAL_{name}": value for name, value in variables.items()},
        capture_output=True,
        text=True,
        timeout=60,
    )


def located(folder: Path, reach: str, words: str) -> list[Any]:
    ran = run(folder, REACH=reach)
    assert ran.returncode == 0, ran.stderr
    line = (
        f"The replicas of data service foo are processes on this machine, each with {words} of its own. Local mode "
        "runs them without: image r/i:1, "
    )
    assert ran.stderr.count(f"INFO:k8sdataservice:{line}") == 1, ran.stderr
    found: list[Any] = json.loads(ran.stdout)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has an address for each replica")
def test_each_replica_has_an_address_of_its_own(tmp_path: Path) -> None:
    phase, addresses, port = located(tmp_path, "addresses", "an address")
    hosts = {address.rpartition(":")[0] for address in addresses}
    assert (phase, port, len(hosts)) == ("Ready", 40000, 2)
    assert all(address.startswith("127.77.") and address.endswith(":40000") for address in addresses)


def test_each_replica_has_a_port_of_its_own(tmp_path: Path) -> None:
    phase, addresses, port = located(tmp_path, "ports", "ports")
    ports = {address.rpartition(":")[2] for address in addresses}
    assert (phase, port, len(ports)) == ("Ready", 40000, 2)
    assert "40000" not in ports
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_wrong_variables_are_errors_with_the_way_out(tmp_path: Path) -> None:
    ran = run(tmp_path, REACH="names")
    assert 'K8SDATASERVICE_LOCAL_REACH is "names", but it is "namespaces" (' in ran.stderr
    file = tmp_path / "objects.yaml"
    file.write_text("apiVersion: v1\nkind: Sekret\nmetadata: {name: s}\n")
    ran = run(tmp_path, OBJECTS=str(file))
    assert f"K8SDATASERVICE_LOCAL_OBJECTS: {file}, document 1: a local cluster has no kind Sekret of v1." in ran.stderr
