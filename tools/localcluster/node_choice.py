"""Whether this machine can run pods, or kwok has to play the node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from localcluster.errors import LocalClusterError
from localcluster.packages import missing_packages

VARIABLE = "LOCALCLUSTER_NODE"


def why_no_real_pods() -> str | None:
    """Return why pods cannot run here, as a sentence, or None if they can.

    Raises:
        LocalClusterError: LOCALCLUSTER_NODE asks for what cannot be had, or for something unknown.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", "real", "kwok"):
        raise LocalClusterError(
            f"{VARIABLE} is {wanted!r}; it can be `real`, `kwok` or unset, which means real if possible."
        )
    if sys.platform != "linux":
        raise LocalClusterError(f"A local cluster needs Linux, and this is {sys.platform}.")
    if wanted == "kwok":
        return f"{VARIABLE}=kwok asks for a node that does not run pods."
    reason = _obstacle()
    if reason and wanted == "real":
        raise LocalClusterError(f"{VARIABLE}=real asks for real pods, but: {reason}")
    return reason


def _obstacle() -> str | None:
    if os.geteuid() != 0:
        return "Running containers needs root, and this process is not root's."
    missing = missing_packages()
    if missing and shutil.which("apt-get") is None:
        return f"Missing are {', '.join(missing)}, and there is no apt-get to install them with."
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return "The commands unshare and nsenter (package util-linux) are missing."
    attempt = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "true"], capture_output=True, text=True, check=False
    )
    if attempt.returncode != 0:
        return f"This machine does not let root make a mount namespace: {attempt.stderr.strip()}."
    if not os.access("/sys/fs/cgroup", os.W_OK):
        return "The control groups in /sys/fs/cgroup cannot be written, as in an unprivileged container."
    return None
