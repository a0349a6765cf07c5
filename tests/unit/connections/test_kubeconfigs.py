"""A kubeconfig that cannot be used: errors name the file, context, cluster, user and server."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import UnavailableError
from k8sdataservice._core import Client
from localcluster.certificates import CertificateAuthority

from unit.api_server import ApiServer
from unit.connections.support import GONE, PLACE, Write, error, get


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.update({"current-context": "prod"}), "current context prod does not exist"),
        (lambda text: text.pop("current-context"), "has no current context"),
        (
            lambda text: text["contexts"][0]["context"].update(cluster="x"),
            "the cluster of context dev, x does not exist in it; it has c. Correct the context.",
        ),
        (
            lambda text: text["contexts"][0]["context"].update(user="x"),
            "the user of context dev, x does not exist in it; it has u. Correct the context.",
        ),
        (
            lambda text: (
                text["contexts"][0]["context"].update(user="x"),
                text["contexts"].append({"name": "faulty", "context": {"cluster": "y", "user": "u"}}),
                text["contexts"].append({"name": "whole", "context": {"cluster": "c", "user": "u"}}),
            ),
            "Correct the context, or choose another context, such as whole.",
        ),
        (
            lambda text: (
                text.update({"current-context": "de"}),
                text["contexts"].append({"name": "whole", "context": {"cluster": "c", "user": "u"}}),
                text["contexts"][0]["context"].update(user="x"),
            ),
            "the current context de does not exist in it. Choose another one, such as whole.",
        ),
        (
            lambda text: text["clusters"][0]["cluster"].pop("server"),
            "Context dev (cluster c, user u) of kubeconfig {file} cannot be used: the cluster has no server",
        ),
        (
            lambda text: text["clusters"][0]["cluster"].update(server="http://["),
            "the server of the cluster is not a URL",
        ),
        (
            lambda text: text["clusters"][0]["cluster"].update({"certificate-authority": "/missing/ca"}),
            "Context dev (cluster c, user u) of kubeconfig {file} cannot be used: "
            "the certificate-authority /missing/ca does not exist",
        ),
        (
            lambda text: text["clusters"][0]["cluster"].update({"certificate-authority-data": "?"}),
            "the certificate-authority-data is not in base64",
        ),
        (
            lambda text: text["users"][0].update(
                user={"client-certificate": "/missing/crt", "client-key": "/missing/key"}
            ),
            "the client-certificate /missing/crt does not exist",
        ),
        (
            lambda text: text["users"][0].update(user={"auth-provider": {"name": "gcp"}}),
            "the auth-provider gcp of its user is no program; use exec with the credential program",
        ),
        (
            lambda text: text["users"][0].update(user={"token": "one\ntwo"}),
            "the token or password is one that no HTTP header can have",
        ),
        (
            lambda text: text["users"][0].update(user={"tokenFile": "/missing/token"}),
            "the token file /missing/token of user u of kubeconfig {file} does not exist",
        ),
        (
            lambda text: text["clusters"][0]["cluster"].update({"proxy-url": "ftp://proxy"}),
            "proxy-url is not the address of a proxy",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_where_it_is_wrong(
    change: Callable[[dict[str, Any]], Any], words: str, write: Write
) -> None:
    file = write("https://127.0.0.1:1")
    text = json.loads(file.read_text())
    change(text)
    file.write_text(json.dumps(text))
    message = error(get)
    assert words.format(file=file) in message
    assert f"kubeconfig {file}" in message


def test_a_server_without_a_scheme_is_completed_as_kubectl_does(
    serve: Callable[..., ApiServer],
    write: Write,
    authority: CertificateAuthority,
    own: tuple[Path, Path],
    capfd: pytest.CaptureFixture[str],
) -> None:
    write(f"127.0.0.1:{serve().port}", name="plain")
    assert get().reason == GONE
    write(
        f"127.0.0.1:{serve(certificate=own).port}",
        name="tls",
        **{"certificate-authority": str(authority.own.certificate)},
    )
    assert get().reason == GONE
    assert "panicked" not in capfd.readouterr().err


def test_a_file_that_is_no_kubeconfig_is_named_with_its_line(write: Write) -> None:
    file = write("https://127.0.0.1:1")
    file.write_text("apiVersion: v1\nclusters: [\n")
    message = error(get)
    assert f"{file} cannot be used: it is not a kubeconfig: see line " in message


def test_a_folder_is_no_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path))
    assert f"The kubeconfig {tmp_path} cannot be used: it cannot be read" in error(get)


def test_a_file_of_the_list_that_does_not_exist_is_passed_over_as_kubectl_does(
    serve: Callable[..., ApiServer], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(f"http://127.0.0.1:{serve().port}")
    monkeypatch.setenv("KUBECONFIG", f"/missing/a:{file}:/missing/b")
    assert get().reason == GONE
    text = json.loads(file.read_text())
    text["current-context"] = "prod"
    file.write_text(json.dumps(text))
    assert "/missing/a and /missing/b were not read, since they do not exist" in error(get)
    monkeypatch.setenv("KUBECONFIG", "/missing/a:/missing/b")
    assert "(/missing/a and /missing/b do not exist)" in error(get)


def test_a_pod_without_a_token_is_reported_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/missing/a")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    message = error(get)
    assert "KUBERNETES_SERVICE_HOST is set" in message
    assert "without a service account token (/var/run/secrets/kubernetes.io/serviceaccount/token)" in message


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are POSIX's")
def test_a_kubeconfig_on_a_file_server_that_does_not_answer_ends_calls_at_their_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Opening it waits for somebody who writes, as a file on a dead file server does.
    pipe = tmp_path / "kubeconfig"
    os.mkfifo(pipe)
    monkeypatch.setenv("KUBECONFIG", str(pipe))
    client = Client(timeout=0.5)
    begin = time.monotonic()
    for _ in range(3):
        status = client.get_sync("foo", **PLACE)
        assert status.reason == "Unknown"
        assert str(pipe) in status.message
    with pytest.raises(UnavailableError):
        client.delete_sync("foo", **PLACE)
    assert time.monotonic() - begin < 4
    # Let the thread that waits go.
    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
