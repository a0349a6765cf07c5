"""Proxies between the client and the API server."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster.support.forward_proxy import ForwardProxy
from localcluster.certificates import CertificateAuthority

from unit.api_server import ApiServer
from unit.connections.support import GONE, Write, error, get


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("login", [None, ("user", "p@ss:word")])
def test_a_cluster_is_reached_by_way_of_its_proxy(
    scheme: str, login: tuple[str, str] | None, serve: Callable[..., ApiServer], write: Write
) -> None:
    server = serve()
    proxy = ForwardProxy(scheme, login=login, hosts={"kubernetes.test": "127.0.0.1"})
    url = proxy.url(("user", "p%40ss%3Aword") if login else None)
    # Only the proxy knows the name.
    write(f"http://kubernetes.test:{server.port}", **{"proxy-url": url})
    assert get().reason == GONE
    assert set(proxy.asked) == {f"kubernetes.test:{server.port}"}
    assert set(server.authorizations) == {"Bearer t"}, "the API server gets its own credentials and no other"
    proxy.close()


def test_an_https_proxy(
    serve: Callable[..., ApiServer], write: Write, authority: CertificateAuthority, own: tuple[Path, Path]
) -> None:
    server = serve(certificate=own)
    proxy = ForwardProxy("https", certificate=own)
    write(
        f"https://127.0.0.1:{server.port}",
        **{"proxy-url": proxy.url(), "certificate-authority": str(authority.own.certificate)},
    )
    assert get().reason == GONE
    assert set(proxy.asked) == {f"127.0.0.1:{server.port}"}
    proxy.close()


def test_an_https_proxy_of_the_environment_and_one_that_nobody_trusts(
    serve: Callable[..., ApiServer],
    write: Write,
    authority: CertificateAuthority,
    own: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(certificate=own)
    stranger = CertificateAuthority(tmp_path / "stranger").server("stranger", ["127.0.0.1"], [])
    proxy = ForwardProxy("https", certificate=own, hosts={"kubernetes.test": "127.0.0.1"}, login=("user", "right"))
    distrusted = ForwardProxy("https", certificate=(stranger.certificate, stranger.key))
    trusted = {"certificate-authority": str(authority.own.certificate), "tls-server-name": "127.0.0.1"}
    monkeypatch.setenv("HTTPS_PROXY", proxy.url(("user", "right")))
    write(f"https://kubernetes.test:{server.port}", **trusted)
    assert get().reason == GONE
    assert set(proxy.asked) == {f"kubernetes.test:{server.port}"}
    monkeypatch.setenv("HTTPS_PROXY", distrusted.url())
    write(f"https://kubernetes.test:{server.port}", name="other", **trusted)
    message = error(get)
    assert "signed by an unknown authority" in message
    assert f"by way of the proxy {distrusted.url()}" in message
    for each in (proxy, distrusted):
        each.close()


def test_the_proxy_of_the_environment_and_its_exceptions(
    serve: Callable[..., ApiServer], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    proxy = ForwardProxy(hosts={"kubernetes.test": "127.0.0.1", "127.0.0.1": "127.0.0.1"})
    monkeypatch.setenv("http_proxy", proxy.url())
    write(f"http://kubernetes.test:{server.port}")
    assert get().reason == GONE
    for exceptions in ("kubernetes.test", ".test", "*", f"other,kubernetes.test:{server.port},"):
        monkeypatch.setenv("no_proxy", exceptions)
        proxy.asked.clear()
        assert get(timeout=0.4).reason == "Unknown", "without the proxy, nobody knows the name"
        assert not proxy.asked
    monkeypatch.setenv("no_proxy", "proxy.example, 127.0.0.1, ,10.0.0.0/8")
    assert get().reason == GONE, "NO_PROXY lists servers, not proxies"
    write(f"http://127.0.0.1:{server.port}", name="local")
    proxy.asked.clear()
    assert get().reason == GONE
    assert not proxy.asked, "this machine is reached directly"


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_is_away_is_named_and_not_the_server(scheme: str, write: Write) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    for place in (f"127.0.0.1:{port}", "nowhere.invalid:8080"):
        write("http://127.0.0.1:1", **{"proxy-url": f"{scheme}://{place}"})
        message = get(timeout=0.6).message
        assert "the proxy of the API server could not be reached (" in message, message
        assert "refuses" not in message, message
        assert f"by way of the proxy {scheme}://{place}" in message


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_refuses_is_named_without_its_password(
    scheme: str, serve: Callable[..., ApiServer], write: Write
) -> None:
    server = f"http://127.0.0.1:{serve().port}"
    refusing, asking = ForwardProxy(scheme, refuse=True), ForwardProxy(scheme, login=("u", "right"))
    for proxy in (refusing, asking):
        write(server, **{"proxy-url": proxy.url(("u", "canary"))})
        status = get(timeout=0.6)
        assert status.reason == "Unknown"
        assert f"The server is {server}, by way of the proxy {proxy.url()}, context dev" in status.message
        assert "the proxy" in status.message.split("The server is")[0]
        assert "canary" not in status.message
