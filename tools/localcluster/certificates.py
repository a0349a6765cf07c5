"""The cluster's own certificate authority and what it signs, made with the openssl command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError

DAYS = 365


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key."""

    certificate: Path
    key: Path


class CertificateAuthority:
    """Signs certificates into one folder."""

    def __init__(self, folder: Path) -> None:
        """Make the authority, and the key that signs ServiceAccount tokens."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.own = self._paths("certificate-authority")
        self.service_account_key = folder / "service-account.key"
        usage = ["-subj", "/CN=localcluster", "-addext", "keyUsage=critical,keyCertSign,digitalSignature"]
        _openssl("req", "-x509", *_new_key(self.own.key), "-days", str(DAYS), *usage, "-out", str(self.own.certificate))
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(self.service_account_key))

    def client(self, file: str, user: str, group: str | None = None, days: int = DAYS) -> Certificate:
        """Sign a certificate that logs in as a Kubernetes user; one of fewer than 0 days has expired."""
        subject = f"/O={group}/CN={user}" if group else f"/CN={user}"
        return self._sign(file, subject, "extendedKeyUsage=clientAuth", days)

    def server(self, file: str, addresses: list[str], names: list[str]) -> Certificate:
        """Sign a certificate for a server that is reached by these addresses and names."""
        alternatives = ",".join([f"IP:{address}" for address in addresses] + [f"DNS:{name}" for name in names])
        return self._sign(file, f"/CN={file}", f"extendedKeyUsage=serverAuth\nsubjectAltName={alternatives}")

    def _sign(self, file: str, subject: str, extensions: str, days: int = DAYS) -> Certificate:
        made = self._paths(file)
        request = self._folder / f"{file}.csr"
        extension_file = self._folder / f"{file}.extensions"
        extension_file.write_text(f"keyUsage=critical,digitalSignature\n{extensions}\n")
        _openssl("req", "-new", *_new_key(made.key), "-subj", subject, "-out", str(request))
        signer = ["-CA", str(self.own.certificate), "-CAkey", str(self.own.key), "-CAcreateserial"]
        content = ["-in", str(request), "-extfile", str(extension_file), "-days", str(days)]
        _openssl("x509", "-req", *content, *signer, "-out", str(made.certificate))
        request.unlink()
        extension_file.unlink()
        return made

    def _paths(self, file: str) -> Certificate:
        return Certificate(self._folder / f"{file}.crt", self._folder / f"{file}.key")


def _new_key(path: Path) -> list[str]:
    # Elliptic curves, because RSA keys take a noticeable part of the start.
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path)]


def _openssl(*arguments: str) -> None:
    try:
        result = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LocalClusterError(
            "The command openssl is missing; certificates are made with it. Install the package openssl."
        ) from None
    if result.returncode != 0:
        raise LocalClusterError(f"openssl {arguments[0]} failed: {result.stderr.strip()}")
