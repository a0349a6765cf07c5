"""Kubeconfig files."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from localcluster.certificates import Certificate


def write(path: Path, context: str, server: str, authority: Path, user: Certificate) -> Path:
    """Write a kubeconfig with everything inside, so that it can be copied elsewhere.

    JSON is YAML too, and the standard library writes it.
    """
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {"name": context, "cluster": {"server": server, "certificate-authority-data": _base64(authority)}}
        ],
        "users": [
            {
                "name": context,
                "user": {
                    "client-certificate-data": _base64(user.certificate),
                    "client-key-data": _base64(user.key),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context, "namespace": "default"}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
