"""Where things are inside a cluster's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localcluster.certificates import Certificate


@dataclass(frozen=True)
class Layout:
    """The paths of one cluster, whether or not they exist yet."""

    folder: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """One log per component."""
        return self.folder / "logs"

    @property
    def configuration(self) -> Path:
        """Configuration files of the components."""
        return self.folder / "configuration"

    @property
    def volumes(self) -> Path:
        """One folder per PersistentVolume."""
        return self.folder / "volumes"

    @property
    def images(self) -> Path:
        """The hand-made images."""
        return self.folder / "images"

    def log(self, component: str) -> Path:
        """Return the log of a component."""
        return self.logs / f"{component}.log"

    def certificate(self, file: str) -> Certificate:
        """Return the paths of a certificate and its key."""
        certificates = self.folder / "certificates"
        return Certificate(certificates / f"{file}.crt", certificates / f"{file}.key")

    @property
    def certificate_authority(self) -> Certificate:
        """The authority that signed everything."""
        return self.certificate("certificate-authority")

    @property
    def service_account_key(self) -> Path:
        """The key that signs ServiceAccount tokens."""
        return self.folder / "certificates" / "service-account.key"

    def component_kubeconfig(self, component: str) -> Path:
        """Return the kubeconfig that a component logs in with."""
        return self.configuration / f"{component}.kubeconfig"
