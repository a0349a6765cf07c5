"""The test kit: fixtures of pytest whose services are processes on this machine.

pytest finds :mod:`k8sdataservice.testing.plugin` by itself where this package is installed. The names here are for the
annotations of tests.

Documentation: https://github.com/flyteorg/flytekitplugins-k8sdataservice/blob/main/docs/testing.md
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k8sdataservice.testing.connected import ConnectedService
    from k8sdataservice.testing.service import Service
    from k8sdataservice.testing.services import DataServices

__all__ = ["ConnectedService", "DataServices", "Service"]

#: The module of each name. pytest loads this package at every start, so that none of them is loaded before its first
#: use.
_HOMES = {"ConnectedService": "connected", "DataServices": "services", "Service": "service"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
