"""This process, as the holder of a service."""

from __future__ import annotations

import getpass
import os
import socket


def this_process() -> str:
    """Returns the process as people know it: ``user@host/pid``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a user id without a name.
        user = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return f"{user}@{socket.gethostname()}/{os.getpid()}"
