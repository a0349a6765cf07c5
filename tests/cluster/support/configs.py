"""Configurations that the tests share, on the wire as Flyte's SDK sends them."""

from __future__ import annotations

from typing import Any

from cluster.support.kubernetes import IMAGE

#: Small enough that many fit on the one node of the local cluster.
TINY = {"cpu": "10m", "mem": "16Mi", "gpu": None, "ephemeral_storage": None}

#: To start takes a moment of a whole processor, and seconds of a hundredth of one.
LIMITS = TINY | {"cpu": "1"}


#: The end of a script that stands until it is told to end. A container's first process never gets a SIGTERM that it
#: does not ask for, and would be waited for.
STAND = "trap 'exit 0' TERM; sleep 1000000 & wait"


def web_server(answer: str) -> str:
    """Returns a script that answers with a text on SERVER_PORT, and ends when it is told to."""
    return f"set -e; mkdir -p /tmp/www; echo {answer} > /tmp/www/index.html; httpd -p $SERVER_PORT -h /tmp/www; {STAND}"


def config(name: str | None = None, **fields: Any) -> dict[str, Any]:
    """Returns a configuration with every documented field, null where the user said nothing.

    Without a Command it is a web server on port 40000 that answers with its pod's name.
    """
    return {
        "Name": name,
        "Image": IMAGE,
        "Command": ["sh", "-c", web_server("$(hostname)")],
        "Port": None,
        "Replicas": None,
        "ExistingReleaseName": None,
        "Cluster": None,
        "Requests": TINY,
        "Limits": LIMITS,
    } | fields
