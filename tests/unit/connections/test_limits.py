"""Objects that a cluster does not store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from flytekitplugins_k8sdataservice import UnavailableError
from k8sdataservice._core import Client

from unit.api_server import Answer, ApiServer
from unit.connections.support import PLACE, Write, error, page


@pytest.mark.parametrize("verb", ["create", "update"])
@pytest.mark.parametrize(
    "answer",
    [
        page(413),
        (
            500,
            "application/json",
            json.dumps(
                {"kind": "Status", "status": "Failure", "message": "etcdserver: request is too large", "code": 500}
            ),
        ),
    ],
)
def test_an_object_too_large_for_the_cluster_is_refused_with_its_largest_fields(
    answer: Answer, verb: str, serve: Callable[..., ApiServer], write: Write
) -> None:
    write(f"http://127.0.0.1:{serve(answer=lambda _: answer).port}")
    config = {"Name": "foo", "Image": "busybox", "Env": {"BIG": "x" * 500_000, "SMALL": "x"}}
    call = getattr(Client(timeout=5), f"{verb}_sync")
    begin = time.monotonic()
    message = error(lambda: call(config, owner="me", execution="a test", **PLACE))
    assert time.monotonic() - begin < 3, "it was tried again and again"
    assert "The largest fields are Env.BIG (500.0 kB)" in message


def test_an_object_that_no_cluster_stores_is_refused_before_any_request(
    serve: Callable[..., ApiServer], write: Write
) -> None:
    server = serve()
    write(f"http://127.0.0.1:{server.port}")
    config = {"Name": "foo", "Image": "busybox", "Env": {f"V{number}": "x" * 17_000 for number in range(100)}}
    message = error(lambda: Client(timeout=5).create_sync(config, owner="me", execution="a test", **PLACE))
    assert message.startswith("Env makes the service too large: it takes 1.7 MB")
    assert not server.authorizations


def test_a_version_that_is_not_known_is_not_guessed(serve: Callable[..., ApiServer], write: Write) -> None:
    write(f"http://127.0.0.1:{serve(answer=lambda _: (503, 'text/plain', 'starting')).port}")
    config = {"Name": "foo", "Image": "busybox", "Sidecars": [{"name": "a"}]}
    with pytest.raises(UnavailableError, match="Could not create StatefulSet foo"):
        Client(timeout=0.6).create_sync(config, owner="me", execution="a test", **PLACE)
