"""Credentials that the API server rejects: an error that stays, unless the credentials are renewed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import UnavailableError
from k8sdataservice._core import Client
from localcluster.certificates import CertificateAuthority

from unit.api_server import NOT_FOUND, Answer, ApiServer
from unit.connections.support import GONE, PLACE, Write, error, get, page, prints, program

UNAUTHORIZED: Answer = (
    401,
    "application/json",
    json.dumps(
        {"kind": "Status", "status": "Failure", "reason": "Unauthorized", "code": 401, "message": "Unauthorized"}
    ),
)


@pytest.mark.parametrize(
    ("user", "field"),
    [({"token": "canary"}, "token"), ({"username": "u", "password": "canary"}, "username and password")],
)
def test_fixed_credentials_that_are_rejected_are_an_error_that_stays(
    user: dict[str, str], field: str, serve: Callable[..., ApiServer], write: Write
) -> None:
    server = f"http://127.0.0.1:{serve(answer=lambda _: UNAUTHORIZED).port}"
    file = write(server, user)
    for message in (
        error(lambda: get(timeout=5)),
        error(lambda: Client(timeout=5).delete_sync("foo", **PLACE)),
        error(lambda: Client(timeout=5).create_sync({"Image": "i", "Name": "foo"}, owner="me", execution="e", **PLACE)),
    ):
        assert f"The API server rejects the credentials of user u of kubeconfig {file} (Unauthorized)" in message
        assert f"the {field} is wrong, has expired or was revoked" in message
        assert f"The server is {server}, context dev" in message
        assert "may pass" not in message
        assert "canary" not in message


def test_a_user_without_credentials_is_reported_so(serve: Callable[..., ApiServer], write: Write) -> None:
    file = write(f"http://127.0.0.1:{serve(answer=lambda _: UNAUTHORIZED).port}", {"as": "x"})
    assert f"rejects requests of user u of kubeconfig {file}, which has no credentials (Unauthorized)" in error(get)


def test_a_token_that_is_rejected_for_a_moment_is_no_error(serve: Callable[..., ApiServer], write: Write) -> None:
    answers = iter([UNAUTHORIZED] * 3)
    write(f"http://127.0.0.1:{serve(answer=lambda _: next(answers, NOT_FOUND)).port}")
    assert get(timeout=5).reason == GONE


def test_renewed_credentials_that_are_rejected_may_pass(
    serve: Callable[..., ApiServer], write: Write, tmp_path: Path
) -> None:
    server = f"http://127.0.0.1:{serve(answer=lambda _: UNAUTHORIZED).port}"
    token = tmp_path / "token"
    token.write_text("canary")
    users: list[tuple[dict[str, Any], str]] = [
        (program(prints("canary")), "credential program sh"),
        ({"tokenFile": str(token)}, f"token file {token}"),
    ]
    for user, source in users:
        file = write(server, user)
        with pytest.raises(UnavailableError) as raised:
            Client(timeout=1.5).delete_sync("foo", **PLACE)
        message = str(raised.value)
        assert (
            f"the API server rejects the credential of the {source} of user u of kubeconfig {file} (Unauthorized)"
            in message
        )
        assert "canary" not in message


def test_a_proxys_login_page_is_no_word_about_the_credentials(serve: Callable[..., ApiServer], write: Write) -> None:
    write(f"http://127.0.0.1:{serve(answer=lambda _: page(401)).port}")
    status = get(timeout=0.6)
    assert "such as a proxy or a load balancer, answered 401" in status.message


def test_a_client_certificate_and_the_key_of_another_one(
    write: Write, authority: CertificateAuthority, tmp_path: Path
) -> None:
    me, other = authority.client("a", "a"), authority.client("b", "b")
    write("https://127.0.0.1:1", {"client-certificate": str(me.certificate), "client-key": str(other.key)})
    assert "the client-certificate and the client-key" in error(get)
    assert "PRIVATE" not in error(get)


def test_a_client_certificate_of_an_unknown_authority(
    serve: Callable[..., ApiServer],
    write: Write,
    authority: CertificateAuthority,
    own: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    stranger = CertificateAuthority(tmp_path / "stranger").client("a", "a")
    server = serve(certificate=own, authority=authority.own.certificate)
    write(
        f"https://127.0.0.1:{server.port}",
        {"client-certificate": str(stranger.certificate), "client-key": str(stranger.key)},
        **{"certificate-authority": str(authority.own.certificate)},
    )
    assert "it rejects the client certificate" in error(get)


def test_a_client_certificate_that_has_expired(
    serve: Callable[..., ApiServer], write: Write, authority: CertificateAuthority, own: tuple[Path, Path]
) -> None:
    expired = authority.client("late", "late", days=-1)
    server = serve(certificate=own, authority=authority.own.certificate)
    write(
        f"https://127.0.0.1:{server.port}",
        {"client-certificate": str(expired.certificate), "client-key": str(expired.key)},
        **{"certificate-authority": str(authority.own.certificate)},
    )
    message = error(get)
    assert "it rejects the client certificate" in message and "have expired" in message, message
    # It stays so, and is reported at once.
    began = time.monotonic()
    error(lambda: get(timeout=20))
    assert time.monotonic() - began < 5
