"""How a cluster is reached: kubeconfigs, credential programs and proxies, and what errors say of them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cluster.support.forward_proxy import ForwardProxy
from flytekitplugins_k8sdataservice import DataServiceError, UnavailableError
from flytekitplugins_k8sdataservice._core import Client
from localcluster.certificates import CertificateAuthority

from unit.api_server import NOT_FOUND, Answer, ApiServer

PLACE: dict[str, Any] = {"namespace": "flyte"}
GONE = "StatefulSetNotFound"


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[..., ApiServer]]:
    """Returns a function that starts an API server."""
    started: list[ApiServer] = []

    def start(**options: Any) -> ApiServer:
        started.append(ApiServer(**options))
        return started[-1]

    yield start
    for server in started:
        server.close()


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Returns a function that writes a kubeconfig and makes it the one in use."""

    def kubeconfig(server: str, user: dict[str, Any] | None = None, name: str = "kubeconfig", **cluster: Any) -> Path:
        text = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server} | cluster}],
            "users": [{"name": "u", "user": user or {"token": "t"}}],
            "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "dev",
        }
        file = tmp_path / name
        file.write_text(json.dumps(text))
        monkeypatch.setenv("KUBECONFIG", str(file))
        return file

    return kubeconfig


def program(script: str, **more: Any) -> dict[str, Any]:
    """Returns a user whose credentials a program prints."""
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script]}
    return {"exec": command | {"interactiveMode": "Never"} | more}


def prints(token: str, expires: str | None = None) -> str:
    status = {"token": token} | ({"expirationTimestamp": expires} if expires else {})
    return f"echo '{json.dumps({'kind': 'ExecCredential', 'status': status})}'"


def error(call: Callable[[], Any]) -> str:
    with pytest.raises(DataServiceError) as raised:
        call()
    return str(raised.value)


def get(timeout: float = 2.0) -> Any:
    return Client(timeout=timeout).get_sync("foo", **PLACE)


# What is wrong with a configuration is named: file, context, cluster, user, program, server.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.update({"current-context": "prod"}), "current context prod does not exist"),
        (lambda text: text.pop("current-context"), "has no current context"),
        (
            lambda text: text["contexts"][0]["context"].update(cluster="x"),
            "the cluster of context dev, x does not exist",
        ),
        (lambda text: text["contexts"][0]["context"].update(user="x"), "the user of context dev, x does not exist"),
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


def test_a_pod_without_a_token_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/missing/a")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    message = error(get)
    assert "KUBERNETES_SERVICE_HOST is set" in message
    assert "without a service account token (/var/run/secrets/kubernetes.io/serviceaccount/token)" in message


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Returns a certificate authority."""
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def own(authority: CertificateAuthority) -> tuple[Path, Path]:
    """Returns the certificate of a server on loopback, and its key."""
    made = authority.server("own", ["127.0.0.1"], [])
    return made.certificate, made.key


def test_a_server_that_cannot_be_reached_is_named_with_all_that_leads_to_it(
    serve: Callable[..., ApiServer],
    write: Write,
    authority: CertificateAuthority,
    own: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    other = authority.server("other", [], ["kubernetes.test"])
    stranger = CertificateAuthority(tmp_path / "stranger").own.certificate
    right = authority.own.certificate
    tls = f"https://127.0.0.1:{serve(certificate=own).port}"
    named = f"https://127.0.0.1:{serve(certificate=(other.certificate, other.key)).port}"
    plain = f"https://127.0.0.1:{serve().port}"
    for server, trusted, words in [
        (tls, stranger, "its certificate is not signed by the certificate authority of the configuration"),
        (named, right, "its certificate is for other names"),
        (plain, right, "it does not speak TLS"),
        ("https://127.0.0.1:1", right, "nothing listens there"),
        ("https://nothing.invalid:6443", right, "its name cannot be resolved"),
    ]:
        file = write(server, **{"certificate-authority": str(trusted)})
        status = get(timeout=0.6)
        assert status.reason == "Unknown"
        assert words in status.message
        whole = f"The server is {server}, context dev, cluster c, user u of kubeconfig {file}."
        assert whole in status.message
        message = error(lambda: Client(timeout=0.4).delete_sync("foo", **PLACE))
        assert words in message
        assert whole in message
    write(tls, **{"certificate-authority": str(right)})
    assert get().reason == GONE, "with the right authority it works"


# Programs that give credentials.


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
    assert get(timeout=0.4).reason == "Unknown", "the server asks for a certificate"


# Proxies.


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


# What stands in front of an API server.


def page(code: int) -> Answer:
    return code, "text/html", f"<html><head><title>{code} of nginx</title></head><body><p>Go away</p></body></html>"


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
def test_what_is_too_large_for_this_cluster_is_refused_with_the_largest_fields(
    answer: Answer, serve: Callable[..., ApiServer], write: Write
) -> None:
    write(f"http://127.0.0.1:{serve(answer=lambda _: answer).port}")
    config = {"Name": "foo", "Image": "busybox", "Env": {"BIG": "x" * 500_000, "SMALL": "x"}}
    begin = time.monotonic()
    message = error(lambda: Client(timeout=5).create_sync(config, owner="me", execution="a test", **PLACE))
    assert time.monotonic() - begin < 3, "it was tried again and again"
    assert "The largest fields are Env.BIG (500.0 kB)" in message


def test_what_no_cluster_stores_is_refused_before_anything_is_asked(
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


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are POSIX's")
def test_a_kubeconfig_on_a_file_server_that_does_not_answer_ends_calls_at_their_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

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
