"""Programs that print credentials."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import UnavailableError
from k8sdataservice._core import Client
from localcluster.certificates import CertificateAuthority

from unit.api_server import NOT_FOUND, Answer, ApiServer
from unit.connections.support import GONE, PLACE, Write, error, get, prints, program


def test_one_program_serves_many_calls(serve: Callable[..., ApiServer], write: Write, tmp_path: Path) -> None:
    server = serve()
    runs = tmp_path / "runs"
    write(f"http://127.0.0.1:{server.port}", program(f"echo x >> {runs}; sleep 0.5; {prints('from-program')}"))
    client = Client(timeout=10)
    with ThreadPoolExecutor(30) as pool:
        calls = [pool.submit(client.get_sync, f"foo-{number}", **PLACE) for number in range(30)]
        assert {call.result(timeout=30).reason for call in calls} == {GONE}
    assert runs.read_text() == "x\n"
    assert set(server.authorizations) == {"Bearer from-program"}


def test_a_program_that_waits_for_a_login_holds_up_nobody_else(
    serve: Callable[..., ApiServer], write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    runs = tmp_path / "runs"
    file = write(f"http://127.0.0.1:{server.port}", program(f"echo x >> {runs}; sleep 30"))
    text = json.loads(file.read_text())
    text["users"].append({"name": "other", "user": {"token": "t"}})
    text["contexts"].append({"name": "other", "context": {"cluster": "c", "user": "other"}})
    file.write_text(json.dumps(text))
    client = Client(timeout=1)
    with ThreadPoolExecutor(20) as pool:
        begin = time.monotonic()
        waiting = [pool.submit(client.get_sync, "foo", **PLACE) for _ in range(20)]
        assert client.get_sync("foo", cluster="other", **PLACE).reason == GONE
        assert time.monotonic() - begin < 1, "it waited for the program of another user"
        for call in waiting:
            status = call.result(timeout=10)
            assert status.reason == "Unknown"
            assert f"the credential program sh of user u of kubeconfig {file} has not ended yet" in status.message
            assert "(credential program sh)" in status.message
    assert time.monotonic() - begin < 5
    with pytest.raises(UnavailableError, match="has not ended yet"):
        client.delete_sync("foo", **PLACE)
    assert runs.read_text() == "x\n", "one run for all"


def test_a_program_that_is_slower_than_a_call_serves_the_next_one(
    serve: Callable[..., ApiServer], write: Write, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    write(f"http://127.0.0.1:{serve().port}", program(f"echo x >> {runs}; sleep 1; {prints('slow')}"))
    client = Client(timeout=0.4)
    assert client.get_sync("foo", **PLACE).reason == "Unknown"
    time.sleep(1)
    assert client.get_sync("foo", **PLACE).reason == GONE
    assert runs.read_text() == "x\n"


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (program("exit 3"), "sh of user u of kubeconfig {file} ended with exit status: 3"),
        (
            program("echo 'Token has expired' >&2; echo 'run: cloud login --token x1' >&2; exit 3"),
            "sh of user u of kubeconfig {file} ended with exit status: 3. The last lines of its standard error:\n"
            "Token has expired\nrun: cloud login --token ***",
        ),
        (program("echo no"), "sh of user u of kubeconfig {file} printed something that is not an ExecCredential"),
        (program("echo '{{}}'"), "sh of user u of kubeconfig {file} printed"),
        (
            program("", command="/missing/aws", installHint="Install the AWS CLI."),
            "/missing/aws of user u of kubeconfig {file} does not exist. Install the AWS CLI.",
        ),
        (program("", interactiveMode="Always"), "sh of user u of kubeconfig {file} needs a terminal"),
    ],
)
def test_a_program_that_fails_is_named(user: dict[str, Any], words: str, write: Write) -> None:
    file = write("https://127.0.0.1:1", user)
    message = error(get)
    assert words.format(file=file) in message
    assert "context dev" in message


def test_a_credential_that_the_server_refuses_is_fetched_again(
    serve: Callable[..., ApiServer], write: Write, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    good.write_text("first")
    unauthorized = {
        "kind": "Status",
        "status": "Failure",
        "reason": "Unauthorized",
        "code": 401,
        "message": "Unauthorized",
    }

    def answer(authorization: str) -> Answer:
        if authorization == f"Bearer {good.read_text()}":
            return NOT_FOUND
        return 401, "application/json", json.dumps(unauthorized)

    server = serve(answer=answer)
    file = tmp_path / "token"
    for user in (program(f'printf \'{{"status": {{"token": "%s"}}}}\' "$(cat {good})"'), {"tokenFile": str(file)}):
        good.write_text("first")
        file.write_text("first\n")
        write(f"http://127.0.0.1:{server.port}", user)
        client = Client(timeout=4)
        assert client.get_sync("foo", **PLACE).reason == GONE
        good.write_text("second")
        file.write_text("second\n")
        time.sleep(1.1)
        assert client.get_sync("foo", **PLACE).reason == GONE


def test_a_program_gives_a_certificate(
    serve: Callable[..., ApiServer],
    write: Write,
    authority: CertificateAuthority,
    own: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    me = authority.client("me", "me")
    status = {"clientCertificateData": me.certificate.read_text(), "clientKeyData": me.key.read_text()}
    credential = tmp_path / "credential"
    credential.write_text(json.dumps({"kind": "ExecCredential", "status": status}))
    server = serve(certificate=own, authority=authority.own.certificate)
    root = {"certificate-authority": str(authority.own.certificate)}
    write(f"https://127.0.0.1:{server.port}", program(f"cat {credential}"), **root)
    assert get().reason == GONE
    write(f"https://127.0.0.1:{server.port}", **root)
    message = error(get)
    assert "it rejects the client certificate: replace client-certificate(-data)" in message
    assert "CertificateRequired" in message
