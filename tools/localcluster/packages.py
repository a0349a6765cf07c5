"""The Debian packages of a real node, and installing those that are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster.errors import LocalClusterError
from localcluster.locks import locked
from localcluster.paths import clusters_folder
from localcluster.progress import Progress

# The purpose of each package.
NODE_FILES = {
    "containerd": Path("/usr/bin/containerd"),
    "runc": Path("/usr/sbin/runc"),
    "containernetworking-plugins": Path("/usr/lib/cni/bridge"),
    "busybox-static": Path("/bin/busybox"),
    "bash-static": Path("/bin/bash-static"),
    "iproute2": Path("/sbin/ip"),
    "openssl": Path("/usr/bin/openssl"),
    # A compiler and a C library for the pause image.
    "gcc": Path("/usr/bin/cc"),
    "libc6-dev": Path("/usr/include/stdlib.h"),
}

_POLICY = Path("/usr/sbin/policy-rc.d")


def missing_packages() -> list[str]:
    """Return the packages that a real node needs and this machine lacks."""
    return [package for package, file in NODE_FILES.items() if not file.exists()]


def install(packages: list[str], progress: Progress) -> None:
    """Install Debian packages without starting any service that they bring.

    Raises:
        LocalClusterError: apt-get failed.
    """

    def waiting() -> None:
        progress("waiting for another process that is installing packages")

    with locked(clusters_folder() / ".packages.lock", when_waiting=waiting):
        brings_containerd = "containerd" in packages and "containerd" in missing_packages()
        with _no_services_started():
            progress("refreshing the list of Debian packages")
            _apt_get("update", "--quiet")
            progress(f"installing Debian packages: {', '.join(packages)}")
            _apt_get("install", "--yes", "--quiet", "--no-install-recommends", *packages)
        if brings_containerd and shutil.which("systemctl"):
            # The cluster runs a containerd of its own; the packaged service should not come with the next boot either.
            subprocess.run(["systemctl", "disable", "containerd"], capture_output=True, check=False)


@contextmanager
def _no_services_started() -> Iterator[None]:
    """Forbid packages to start services, the way Debian provides for, unless the machine has a rule of its own."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _apt_get(*arguments: str) -> None:
    result = subprocess.run(
        ["apt-get", "-o", "DPkg::Lock::Timeout=120", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise LocalClusterError(
            f"`apt-get {' '.join(arguments)}` failed. Its last lines:\n"
            + "\n".join(result.stdout.splitlines()[-10:])
            + "\nInstall the packages by hand, or set LOCALCLUSTER_NODE=kwok to do without real pods."
        )
