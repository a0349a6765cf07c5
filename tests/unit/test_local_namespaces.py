"""Replicas of local mode that have a network namespace each. These need CAP_SYS_ADMIN and CAP_NET_ADMIN."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

#: CAP_NET_ADMIN and CAP_SYS_ADMIN.
CAPABILITIES = 1 << 12 | 1 << 21

#: A server on all addresses. It answers with its name and its network namespace, or as another server, which the path
#: names.
SERVER = """
    import http.server, os, socket, urllib.request

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            other = self.path.strip("/")
            own = f"{socket.gethostname()} {os.readlink('/proc/self/ns/net')}"
            text = urllib.request.urlopen(f"http://{other}/", timeout=5).read() if other else own.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    http.server.ThreadingHTTPServer(("0.0.0.0", 40000), Handler).serve_forever()
"""

#: A process with a service, which ends when its input does.
OWNER = """
    import json, logging, sys
    logging.basicConfig(level=logging.INFO)
    from k8sdataservice.default_client import default_client
    from k8sdataservice.endpoints import endpoints
    client = default_client()
    config = json.loads(sys.argv[1])
    client.create_sync(config, namespace="flyte", owner="me", execution="x")
    phase = client.wait_sync("foo", namespace="flyte", timeout=60).phase
    print(json.dumps([phase, endpoints("foo", namespace="flyte").addresses]), flush=True)
    sys.stdin.read()
"""


def has_capabilities() -> bool:
    status = Path("/proc/self/status")
    found = [line for line in status.read_text().splitlines() if line.startswith("CapEff:")] if status.exists() else []
    return any(int(line.split()[1], 16) & CAPABILITIES == CAPABILITIES for line in found)


needs_capabilities = pytest.mark.skipif(
    not has_capabilities(), reason="network namespaces need CAP_SYS_ADMIN and CAP_NET_ADMIN, which root has on Linux"
)


def environment(folder: str) -> dict[str, str]:
    local = {"K8SDATASERVICE_LOCAL": "processes", "K8SDATASERVICE_LOCAL_REACH": "namespaces"}
    return os.environ | local | {"XDG_RUNTIME_DIR": folder, "TMPDIR": folder}


@contextmanager
def started(replicas: int, **more: Any) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Runs a service of a process of its own. It yields the process, and the addresses of the replicas."""
    config = {
        "Name": "foo",
        "Image": "r/i:1",
        "Replicas": replicas,
        "MinReadySeconds": 0,
        "Command": [sys.executable, "-c", textwrap.dedent(SERVER)],
        "ReadinessProbe": {"httpGet": {"path": "/"}},
    }
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as folder:
        owner = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(OWNER), json.dumps(config | more)],
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert owner.stdout and owner.stderr
        try:
            line = owner.stdout.readline()
            assert line, owner.stderr.read()
            phase, addresses = json.loads(line)
            assert phase == "Ready"
            yield owner, addresses
        finally:
            owner.kill()
            owner.communicate()


def answer(url: str) -> tuple[str, str]:
    """Returns the name of a server, and its network namespace."""
    with urlopen(f"http://{url}", timeout=10) as response:
        name, _, namespace = response.read().decode().partition(" ")
    return name, namespace


def left(address: str, namespaces: set[str]) -> list[str]:
    """Returns the link to the network of an address, and the processes in these network namespaces."""
    link = "kds-{}-{}".format(*address.split(".")[:2])
    lines = Path("/proc/net/dev").read_text().splitlines()
    found = [link for line in lines if line.strip().startswith(f"{link}:")]
    for process in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found += [str(process)] if str(process.readlink()) in namespaces else []
        except OSError:
            continue
    return found


def is_soon_gone(address: str, namespaces: set[str]) -> bool:
    end = time.monotonic() + 20
    while left(address, namespaces):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@needs_capabilities
@pytest.mark.parametrize("is_killed", [False, True], ids=["ends", "is killed"])
def test_equal_servers_are_reached_by_address_and_by_name_and_leave_nothing(is_killed: bool) -> None:
    with started(2) as (owner, addresses):
        assert {address.rpartition(":")[2] for address in addresses} == {"40000"}
        answers = [answer(f"{address}/") for address in addresses]
        assert [name for name, _ in answers] == ["foo-0", "foo-1"]
        namespaces = {namespace for _, namespace in answers}
        assert len(namespaces | {str(Path("/proc/self/ns/net").readlink())}) == 3
        domain = ["foo", "foo.flyte", "foo.flyte.svc", "foo.flyte.svc.cluster.local"]
        for name in ["foo-0", "foo-1"]:
            for host in [name, *(f"{name}.{service}" for service in domain)]:
                assert [answer(f"{address}/{host}:40000")[0] for address in addresses] == [name] * 2, host
        assert answer(f"{addresses[1]}/foo:40000") in answers
        assert len(left(addresses[0], namespaces)) >= 3
        if is_killed:
            owner.kill()
            owner.wait()
            assert is_soon_gone(addresses[0], namespaces)
        else:
            _, log = owner.communicate()
            assert "data service foo are processes on this machine, each in a network namespace of its own." in log
            assert left(addresses[0], namespaces) == []


@needs_capabilities
def test_twenty_replicas_have_a_namespace_each() -> None:
    with started(20) as (_, addresses):
        answers = [answer(f"{address}/") for address in addresses]
        assert [name for name, _ in answers] == [f"foo-{index}" for index in range(20)]
        assert len({namespace for _, namespace in answers}) == 20
        assert answer(f"{addresses[0]}/foo-19.foo:40000") == answers[19]


@needs_capabilities
def test_two_processes_have_networks_of_their_own() -> None:
    with started(1) as (one, [first]), started(1) as (_, [second]):
        assert first.split(".")[:2] != second.split(".")[:2]
        assert answer(f"{first}/")[1] != answer(f"{second}/")[1]
        one.communicate()
        assert answer(f"{second}/")[0] == "foo-0"


@needs_capabilities
def test_a_volume_and_the_cluster_are_the_same_in_a_namespace() -> None:
    line = 'test -S "$K8SDATASERVICE_LOCAL_SOCKET" && touch "$K8SDATASERVICE_VOLUME_DATA/it" && exec "$0" -c "$1"'
    more = {
        "Command": ["sh", "-c", line, sys.executable, textwrap.dedent(SERVER)],
        "Volumes": [{"name": "data", "mountPath": "/volume", "emptyDir": {}}],
    }
    with started(1, **more) as (_, [address]):
        assert answer(f"{address}/")[0] == "foo-0"


@needs_capabilities
def test_without_capabilities_the_error_names_them_and_the_way_out() -> None:
    script = """
        import ctypes
        from k8sdataservice.default_client import default_client
        version, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None, use_errno=True).capset(version, none) == 0
        client = default_client()
        config = {"Name": "foo", "Image": "r/i:1", "Command": ["true"]}
        client.create_sync(config, namespace="flyte", owner="me", execution="x")
    """
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as folder:
        command = [sys.executable, "-c", textwrap.dedent(script)]
        ran = subprocess.run(command, env=environment(folder), capture_output=True, text=True, timeout=60)
    for words in [
        "local pods cannot have network namespaces: this process needs the capabilities CAP_SYS_ADMIN and CAP_NET_",
        'Set K8SDATASERVICE_LOCAL_REACH to "addresses"',
    ]:
        assert words in ran.stderr
