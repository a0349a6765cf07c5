"""Secrets stay secret: no message, no log and no state of Flyte's contains one."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import DataServiceConfig, DataServiceError, DataServiceMetadata, DataServiceTask
from k8sdataservice._core import Client, validate

CANARY = "canary-7d1c8a52"


def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: dict[str, Any], **cluster: str) -> Path:
    """Writes a kubeconfig with these credentials and makes it the one in use."""
    file = tmp_path / "kubeconfig"
    text = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"} | cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    file.write_text(json.dumps(text))
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return file


def program(script: str) -> dict[str, Any]:
    """Returns credentials that a program has to print, which is called with something secret."""
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", script, CANARY],
            "env": [{"name": "PASSWORD", "value": CANARY}],
            "interactiveMode": "Never",
        }
    }


CREDENTIALS = {
    "a token": {"token": CANARY},
    "a token that no header can have": {"token": f"{CANARY}\n"},
    "a password": {"username": "u", "password": CANARY},
    "a key that is none": {"client-certificate-data": CANARY, "client-key-data": CANARY},
    "a program that fails": program(f"echo {CANARY}; echo {CANARY} >&2; exit 1"),
    "a program that prints something else": program(f"echo '{CANARY}: ['"),
    "a program that prints the wrong kind": program(f'echo \'{{"kind": "ExecCredential", "status": "{CANARY}"}}\''),
    "a program whose token cannot be used": program(
        f'echo \'{{"kind": "ExecCredential", "status": {{"token": "{CANARY}\\\\u0007"}}}}\''
    ),
    "a program that is not there": {"exec": program("")["exec"] | {"command": f"/missing/{'x' * 9}"}},
}


def attempts(client: Client) -> list[Callable[[], Any]]:
    place: dict[str, Any] = {"namespace": "flyte"}
    return [
        lambda: client.connect_sync(),
        lambda: client.get_sync("foo", **place),
        lambda: client.delete_sync("foo", **place),
        lambda: client.create_sync({"Image": "busybox"}, namespace="flyte", owner="me", execution="a test"),
    ]


def said(client: Client) -> str:
    """Returns all that is said of some calls which have to fail."""
    answers = [repr(client)]
    for attempt in attempts(client):
        try:
            answer = attempt()
        except DataServiceError as error:
            answers += [str(error), repr(error), repr(vars(error)), repr(error.__cause__), repr(error.__context__)]
        else:
            answers += [repr(answer), str(getattr(answer, "message", ""))]
    return "\n".join(answers)


@pytest.mark.parametrize("user", CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_credential_is_in_no_message(
    user: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    kubeconfig(tmp_path, monkeypatch, user)
    words = said(Client(timeout=0.2))
    # Either no client can be made, or it has no credentials, or it finds no API server.
    reasons = ("cannot be used", "could not be reached", "has not ended yet")
    assert any(reason in words for reason in reasons), words
    assert "bug" not in words
    output = capfd.readouterr()
    assert CANARY not in words + caplog.text + output.out + output.err


def test_a_kubeconfig_that_cannot_be_read_is_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = kubeconfig(tmp_path, monkeypatch, {"token": CANARY})
    whole = file.read_text()
    for broken in (
        whole[: whole.index(CANARY) + len(CANARY)],
        whole.replace(f'"{CANARY}"', f'["{CANARY}"]'),
        whole.replace('"users": [', f'"users": "{CANARY}", "more": ['),
        f"token: {CANARY}\n\tbad",
    ):
        file.write_text(broken)
        words = said(Client(timeout=0.2))
        assert re.search(r"kubeconfig cannot be used: it is not a kubeconfig: see line \d, column \d+\.", words), words
        assert CANARY not in words


def test_the_password_of_a_proxy_is_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for proxy in (f"socks5://u:{CANARY}@127.0.0.1:1", f"ftp://u:{CANARY}@127.0.0.1:1", f"http://u:{CANARY}@[:1"):
        kubeconfig(tmp_path, monkeypatch, {"token": "t"}, **{"proxy-url": proxy})
        assert CANARY not in said(Client(timeout=0.2))


@pytest.mark.parametrize(
    "command", [CANARY, {"a": CANARY}, [{"password": CANARY}], [[CANARY]], ["sh", f"{CANARY}\0"], ["sh", CANARY, 1]]
)
def test_a_command_that_is_none_is_not_quoted(command: Any) -> None:
    with pytest.raises(DataServiceError) as raised:
        validate({"Image": "busybox", "Command": command})
    assert CANARY not in str(raised.value) + repr(vars(raised.value))


def test_a_field_that_does_not_exist_is_not_quoted() -> None:
    with pytest.raises(DataServiceError) as raised:
        validate({"Image": "busybox", "Environment": {"PASSWORD": CANARY}})
    assert CANARY not in str(raised.value) + repr(vars(raised.value))


@pytest.mark.parametrize(
    "said",
    [
        {"Env": CANARY},
        {"Env": {"PASSWORD": [CANARY]}},
        {"Env": {"PASSWORD": f"{CANARY}\0"}},
        {"Env": {"PASSWORD": {"value": CANARY}}},
        {"EnvFrom": [CANARY]},
        {"Args": [{"password": CANARY}]},
        {"LivenessProbe": {"exec": {"command": CANARY}}},
        {"LivenessProbe": {"httpGet": {"httpHeaders": [{"name": "a", "value": {"b": CANARY}}]}}},
        {"InitContainers": [{"name": "a", "command": CANARY}]},
        {"Sidecars": [{"name": "a", "env": [{"name": "b", "value": 1, "valueFrom": CANARY}]}]},
        {"PodTemplate": {"spec": {"containers": [{"name": "primary", "env": {"PASSWORD": CANARY}}]}}},
    ],
)
def test_a_value_in_the_wrong_place_is_not_quoted(said: dict[str, Any]) -> None:
    with pytest.raises(DataServiceError) as raised:
        validate({"Image": "busybox"} | said)
    assert CANARY not in str(raised.value) + repr(vars(raised.value))


def test_a_command_is_in_no_state_and_no_repr() -> None:
    config = DataServiceConfig(Name="foo", Image="busybox", Command=["serve", "--password", CANARY])
    task = DataServiceTask(name="foo", task_config=config)
    state = DataServiceMetadata(dataservice_config=config, name="foo", namespace="flyte", owner="me", uid="1")
    assert CANARY not in repr(config) + repr(task) + str(task) + repr(state)
    assert CANARY.encode() not in state.encode()
    assert config.to_wire()["Command"] == ["serve", "--password", CANARY], "where it belongs, it is"
