"""The border to the core: what it converts, and how its calls end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flytekitplugins_k8sdataservice import (
    DataServiceError,
    InvalidSpecError,
    NotFoundError,
    UnavailableError,
    exceptions,
)
from flytekitplugins_k8sdataservice._core import Client, endpoints, generate_name, hostnames, manifests, validate


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


def test_names_and_endpoints_are_the_documented_ones() -> None:
    assert hostnames("foo", 2) == ["foo-0.foo", "foo-1.foo"]
    assert endpoints("foo", 2, 1234) == ["foo-0.foo:1234", "foo-1.foo:1234"]
    assert endpoints("foo", namespace="flyte") == ["foo-0.foo.flyte:40000"]
    assert generate_name("x") == generate_name("x") != generate_name()


def test_the_objects_can_be_seen_without_a_cluster() -> None:
    config = {"Name": "foo", "Image": "busybox", "Port": 40000.0}
    stateful_set, service = manifests(config, namespace="flyte", owner="me", execution="a test")
    assert (stateful_set["kind"], service["kind"]) == ("StatefulSet", "Service")
    assert stateful_set["metadata"]["name"] == service["metadata"]["name"] == "foo"
    assert manifests({"ExistingReleaseName": "x"}, namespace="flyte", owner="me", execution="a test") == []


@pytest.mark.parametrize("config", [None, 1, "text", [], {"Image": object()}, {1: 2}])
def test_what_is_no_configuration_is_refused_with_a_sentence(config: object) -> None:
    with pytest.raises(InvalidSpecError) as raised:
        validate(config)  # type: ignore[arg-type]
    assert raised.value.reason == "InvalidSpec"
    assert str(raised.value).endswith(".")


def test_every_exception_is_a_data_service_error() -> None:
    classes = [value for value in vars(exceptions).values() if isinstance(value, type)]
    assert len(classes) == 8
    assert all(issubclass(each, DataServiceError) for each in classes)
    assert issubclass(NotFoundError, LookupError)
    assert issubclass(UnavailableError, ConnectionError)


@pytest.mark.parametrize("timeout", [-1.0, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout is"):
        Client(timeout=timeout)


@pytest.mark.usefixtures("silent_cluster")
async def test_an_api_server_that_never_answers_is_given_up_at_the_deadline() -> None:
    client = Client(timeout=0.5)
    with pytest.raises(UnavailableError, match=r"Could not delete|Could not get .* within 0.5 s"):
        await client.delete("foo", namespace="flyte")
    status = await client.get("foo", namespace="flyte")
    assert (status.phase, status.reason, status.wanted) == ("Initializing", "Unknown", None)


@pytest.mark.usefixtures("silent_cluster")
async def test_a_call_can_be_cancelled() -> None:
    call = asyncio.ensure_future(Client(timeout=60).get("foo", namespace="flyte"))
    await asyncio.sleep(0.1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.usefixtures("silent_cluster")
def test_ctrl_c_ends_a_call_that_blocks() -> None:
    script = """
        from flytekitplugins_k8sdataservice._core import Client
        print("begin", flush=True)
        Client(timeout=60).get_sync("foo", namespace="flyte")
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "begin\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    # flytekit's own handler ends the process with 1.
    assert process.returncode == 1


@pytest.mark.usefixtures("silent_cluster")
def test_a_forked_child_gets_an_error_and_does_not_hang() -> None:
    script = """
        import os
        from flytekitplugins_k8sdataservice._core import Client
        from flytekitplugins_k8sdataservice import DataServiceError
        client = Client(timeout=0.1)
        client.get_sync("foo", namespace="flyte")
        child = os.fork()
        if not child:
            try:
                client.get_sync("foo", namespace="flyte")
            except DataServiceError as error:
                os._exit(0 if "forked" in str(error) else 2)
            os._exit(3)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=30, check=False, env=os.environ)
    assert done.returncode == 0


def test_without_a_kubeconfig_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(DataServiceError, match="Point KUBECONFIG at a kubeconfig"):
        Client().connect_sync()
