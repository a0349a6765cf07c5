"""The core's log records, and their cost when nobody listens."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flytekitplugins_k8sdataservice._core import Client

from unit.api_server import ApiServer

FORBIDDEN = json.dumps(
    {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": "Forbidden",
        "code": 403,
        "message": 'pods is forbidden: User "connector" cannot list resource "pods" in API group ""',
    }
)


def kubeconfig(port: int) -> str:
    """Returns the kubeconfig of an API server on loopback."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "u", "user": {"token": "canary"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        }
    )


@pytest.fixture
def forbidding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serves an API that forbids everything."""
    server = ApiServer(lambda _: (403, "application/json", FORBIDDEN))
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig(server.port))
    monkeypatch.setenv("KUBECONFIG", str(file))
    yield
    server.close()


def records_of(caplog: pytest.LogCaptureFixture, patience: float = 10.0) -> list[logging.LogRecord]:
    """Returns the records of the core once there are any; they arrive from other threads."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if records := [record for record in caplog.records if record.name == "k8sdataservice"]:
            return records
        time.sleep(0.05)
    return []


def look(client: Client, namespace: str) -> None:
    """Asks for a service, so that its namespace is watched."""
    # The former level counts for a moment.
    time.sleep(0.2)
    try:
        client.get_sync("foo", namespace=namespace)
    except Exception as error:
        assert "forbidden" in str(error).lower()


@pytest.mark.usefixtures("forbidding")
def test_records_have_their_fields_as_attributes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "k8sdataservice")
    client = Client(timeout=5)
    look(client, "flyte")
    record = records_of(caplog)[0]
    assert record.levelno == logging.WARNING
    assert record.namespace == "flyte"  # type: ignore[attr-defined]
    assert record.object in ("StatefulSets", "Pods", "EndpointSlices")  # type: ignore[attr-defined]
    assert "cannot list resource" in record.cause  # type: ignore[attr-defined]
    message = record.getMessage()
    assert message.startswith("The watch over ")
    assert "in namespace flyte is interrupted, and is tried again: " in message
    assert "cannot list resource" in message
    assert "canary" not in caplog.text


@pytest.mark.usefixtures("forbidding")
def test_a_cause_is_logged_once_however_often_it_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "k8sdataservice")
    client = Client(timeout=5)
    look(client, "ml")
    records_of(caplog)
    # The second try of a watch comes a second or two after the first.
    time.sleep(4)
    watches = [record.getMessage() for record in caplog.records if "The watch over" in record.getMessage()]
    assert 1 <= len(watches) == len(set(watches)) <= 3


@pytest.mark.usefixtures("forbidding")
def test_a_level_that_is_off_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "k8sdataservice")
    client = Client(timeout=5)
    look(client, "silent")
    assert records_of(caplog, patience=1.0) == []


@pytest.mark.usefixtures("forbidding")
def test_an_error_that_no_caller_is_reported_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "k8sdataservice")
    client = Client(timeout=5)
    time.sleep(0.2)
    for _ in range(2):
        assert client.elsewhere_sync("foo", namespace="flyte", candidates=["ml"]) == []
    records_of(caplog)
    said = [(record.object, record.getMessage()) for record in caplog.records if hasattr(record, "object")]
    words = 'pods is forbidden: User "connector" cannot list resource "pods" in API group "".'
    assert said == [
        ("StatefulSet foo", f"StatefulSet foo: only known namespaces are searched for it: {words}"),
        ("StatefulSet foo", f"StatefulSet foo in namespace ml: its namespace is not searched: {words}"),
    ]


#: Takes connections and ends each at once, and notes when.
SERVER = """
import socket, sys, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    print(time.monotonic(), file=sys.stderr, flush=True)
    connection.close()
"""

#: Lets a service be read that cannot be, and holds the GIL meanwhile. Prints from when to when.
HOLDER = """
import asyncio, logging, sys, time
from flytekitplugins_k8sdataservice._core import Client

logging.getLogger("k8sdataservice").setLevel(int(sys.argv[1]))
logging.getLogger("k8sdataservice").addHandler(logging.NullHandler())

async def main():
    client = Client(timeout=60)
    reading = [asyncio.ensure_future(client.get("foo", namespace=f"n{each}")) for each in range(4)]
    # Until the tries are under way.
    await asyncio.sleep(0.5)
    sys.setswitchinterval(1000)
    begin = time.monotonic()
    while time.monotonic() < begin + 3:
        pass
    print(begin, time.monotonic(), flush=True)
    sys.setswitchinterval(0.005)
    for each in reading:
        each.cancel()

asyncio.run(main())
"""


def tries_while_the_gil_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: int) -> int:
    """Returns how many connections the core makes in the last two seconds of the three for which the GIL is held."""
    notes = tmp_path / "notes"
    with (
        notes.open("w") as file,
        subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=file, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            config = tmp_path / "kubeconfig"
            config.write_text(kubeconfig(int(server.stdout.readline())))
            monkeypatch.setenv("KUBECONFIG", str(config))
            holder = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(HOLDER), str(level)], capture_output=True, text=True, timeout=60
            )
            assert holder.returncode == 0, holder.stderr
        finally:
            server.kill()
    begin, end = map(float, holder.stdout.split())
    return sum(begin + 1 < float(moment) < end for moment in notes.read_text().split())


def test_a_record_whose_level_is_off_does_not_wait_for_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tries_while_the_gil_is_held(tmp_path, monkeypatch, logging.CRITICAL) >= 3
    # For comparison with the number above: a record that is on waits for the GIL, and its thread with it.
    assert tries_while_the_gil_is_held(tmp_path, monkeypatch, logging.DEBUG) == 0
