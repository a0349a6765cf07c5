"""Where clusters keep their state and where built binaries are kept."""

from __future__ import annotations

import os
import re
from pathlib import Path

from localcluster.errors import LocalClusterError

PROJECT = "flytekitplugins-k8sdataservice"


def binaries_folder() -> Path:
    """Return the folder that holds the built binaries of every version."""
    return _base("XDG_CACHE_HOME", ".cache") / PROJECT / "bin"


def clusters_folder() -> Path:
    """Return the folder that holds one folder per cluster."""
    chosen = os.environ.get("LOCALCLUSTER_STATE")
    if chosen:
        return Path(chosen).resolve()
    return _base("XDG_STATE_HOME", ".local/state") / PROJECT / "localcluster"


def cluster_folder(name: str) -> Path:
    """Return the folder of one cluster, whether or not it exists.

    Raises:
        LocalClusterError: The name is unusable.
    """
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", name):
        raise LocalClusterError(
            f"{name!r} cannot be a cluster's name: use at most 32 lower-case letters, digits and dashes."
        )
    return clusters_folder() / name


def _base(variable: str, below_home: str) -> Path:
    value = os.environ.get(variable)
    # The XDG specification says to ignore relative paths.
    if value and Path(value).is_absolute():
        return Path(value).resolve()
    return (Path.home() / below_home).resolve()
