"""The versions of Kubernetes that the cluster can have, and what is particular to each."""

from __future__ import annotations

import os

from localcluster.errors import LocalClusterError

#: Each has its module in `go/`, which `new_version.py` makes. From the oldest to the newest.
VERSIONS = ("1.30.14", "1.36.3", "1.37.2")
DEFAULT = "1.36.3"
VARIABLE = "KUBERNETES"

#: Fields of the kubelet's configuration that the oldest version lacks, with the minor version that brought them.
#: A kubelet refuses a field that it does not know.
KUBELET_FIELDS = {"failCgroupV1": "1.31"}


def chosen_version(wanted: str | None = None) -> str | None:
    """Return the full version that was asked for, or None if nobody asked for one.

    Args:
        wanted: A minor version such as 1.36 or a full one; without it, the environment variable KUBERNETES decides.

    Raises:
        LocalClusterError: There is no such version.
    """
    text = wanted or os.environ.get(VARIABLE, "")
    if not text:
        return None
    number = text.removeprefix("v")
    for version in VERSIONS:
        if number in (version, minor_of(version)):
            return version
    raise LocalClusterError(
        f"The local cluster cannot have Kubernetes {text}; it can have {', '.join(VERSIONS)}. "
        "localcluster/new_version.py adds one."
    )


def lacks(version: str, since: str) -> bool:
    """Tell whether a version is older than a minor version."""
    return int(version.split(".")[1]) < int(since.split(".")[1])


def minor_of(version: str) -> str:
    """Return the minor version: 1.36 for 1.36.3."""
    return version.rpartition(".")[0]
