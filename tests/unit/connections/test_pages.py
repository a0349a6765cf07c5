"""Answers that come from something in front of an API server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flytekitplugins_k8sdataservice import UnavailableError
from k8sdataservice._core import Client

from unit.api_server import ApiServer
from unit.connections.support import PLACE, Write, error, get, page


def test_the_page_of_a_proxy_does_not_say_that_a_service_is_gone(serve: Callable[..., ApiServer], write: Write) -> None:
    server = serve(answer=lambda _: page(404))
    write(f"http://127.0.0.1:{server.port}")
    status = get(timeout=0.6)
    assert status.reason == "Unknown"
    assert "something in front of the API server" in status.message
    assert "404 of nginx" in status.message
    assert "<" not in status.message
    with pytest.raises(UnavailableError):
        Client(timeout=0.6).delete_sync("foo", **PLACE)


def test_a_page_that_forbids_is_not_a_missing_permission(serve: Callable[..., ApiServer], write: Write) -> None:
    write(f"http://127.0.0.1:{serve(answer=lambda _: page(403)).port}")
    message = error(lambda: Client(timeout=0.6).delete_sync("foo", **PLACE))
    assert (
        "something in front of the API server, such as a proxy or a load balancer, answered 403: 403 of nginx"
        in message
    )
    assert "context dev, cluster c, user u of kubeconfig" in message
    assert "Role" not in message
