"""The shared parts of the tests of connections."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import DataServiceError
from k8sdataservice._core import Client

from unit.api_server import Answer

PLACE: dict[str, Any] = {"namespace": "flyte"}
GONE = "StatefulSetNotFound"

Write = Callable[..., Path]


def program(script: str, **more: Any) -> dict[str, Any]:
    """Returns a user whose credentials a program prints."""
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script]}
    return {"exec": command | {"interactiveMode": "Never"} | more}


def prints(token: str, expires: str | None = None) -> str:
    status = {"token": token} | ({"expirationTimestamp": expires} if expires else {})
    return f"echo '{json.dumps({'kind': 'ExecCredential', 'status': status})}'"


def error(call: Callable[[], Any]) -> str:
    with pytest.raises(DataServiceError) as raised:
        call()
    return str(raised.value)


def get(timeout: float = 2.0) -> Any:
    return Client(timeout=timeout).get_sync("foo", **PLACE)


def page(code: int) -> Answer:
    """Returns an answer as a proxy gives it."""
    return code, "text/html", f"<html><head><title>{code} of nginx</title></head><body><p>Go away</p></body></html>"
