"""A server that cannot be reached: errors name it, and the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from k8sdataservice._core import Client
from localcluster.certificates import CertificateAuthority

from unit.api_server import ApiServer
from unit.connections.support import GONE, PLACE, Write, error, get


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
    for server, trusted, words, passes in [
        (tls, {"certificate-authority": str(stranger)}, "its certificate is signed by an unknown authority", False),
        (tls, {}, "its certificate is signed by an unknown authority", False),
        (named, {"certificate-authority": str(right)}, "its certificate is for other names", False),
        (
            tls,
            {"certificate-authority": str(right), "tls-server-name": "other.test"},
            "its certificate is for other names: correct the server or tls-server-name of the cluster",
            False,
        ),
        (plain, {"certificate-authority": str(right)}, "it does not speak TLS", True),
        ("https://127.0.0.1:1", {"certificate-authority": str(right)}, "nothing listens there", True),
        ("https://nothing.invalid:6443", {"certificate-authority": str(right)}, "its name cannot be resolved", True),
    ]:
        file = write(server, **trusted)
        whole = f"The server is {server}, context dev, cluster c, user u of kubeconfig {file}."
        deletion = error(lambda: Client(timeout=1.0).delete_sync("foo", **PLACE))
        if passes:
            status = get(timeout=1.0)
            assert status.reason == "Unknown"
            messages = [status.message, deletion]
            assert "This may be temporary" in deletion
        else:
            messages = [error(lambda: get(timeout=1.0)), deletion]
            assert "may pass" not in deletion, "it stays until the configuration is corrected"
        for message in messages:
            assert words in message
            assert whole in message
    write(tls, **{"certificate-authority": str(right)})
    assert get().reason == GONE, "with the right authority it works"
