"""Local mode: a cluster on this machine alone, whose replicas are processes.

It ends with the process that starts it. Other processes of the same user find its services while it runs.
"""

from __future__ import annotations

import os

#: The environment variable that switches local mode on.
VARIABLE = "K8SDATASERVICE_LOCAL"

#: All variables of local mode, which the core reads. The others have the socket of the cluster to use, the folder in
#: which the contents of claims stay when the process ends, how replicas are reached (by ``addresses``, ``ports`` or
#: network ``namespaces`` of their own), and the files of objects, such as Secrets, that the cluster has from the
#: beginning.
VARIABLES = (VARIABLE, *(f"{VARIABLE}_{name}" for name in ("SOCKET", "CLAIMS", "REACH", "OBJECTS")))

#: Its value: replicas are processes.
PROCESSES = "processes"


def is_local() -> bool:
    """Returns whether local mode is on. Whether the variable has a proper value is checked by every call."""
    return bool(os.environ.get(VARIABLE))


def switch_on() -> None:
    """Switches local mode on in this process and in those that it starts from now on."""
    os.environ[VARIABLE] = PROCESSES
