"""Configurations that the tests share, on the wire as Flyte's SDK sends them."""

from __future__ import annotations

from typing import Any

from cluster.kubernetes import IMAGE

#: Small enough that many fit on the one node of the local cluster.
TINY = {"cpu": "10m", "mem": "16Mi", "gpu": None, "ephemeral_storage": None}


def config(name: str | None = None, **fields: Any) -> dict[str, Any]:
    """Returns a configuration with every documented field, null where the user said nothing.

    Without a Command it is a web server on port 40000 that answers with its pod's name.
    """
    script = "mkdir -p /tmp/www && hostname > /tmp/www/index.html && exec httpd -f -p $SERVER_PORT -h /tmp/www"
    return {
        "Name": name,
        "Image": IMAGE,
        "Command": ["sh", "-c", script],
        "Port": None,
        "Replicas": None,
        "ExistingReleaseName": None,
        "Cluster": None,
        "Requests": TINY,
        "Limits": TINY,
    } | fields
