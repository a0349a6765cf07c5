"""Data services on Kubernetes: a StatefulSet with a headless Service, started, used and deleted.

This is what every front end shares: the client, the command line, the platform's settings and the exceptions. It needs
neither flytekit nor flyte; the plugins for those are distributions of their own.

Documentation: https://github.com/flyteorg/flytekitplugins-k8sdataservice

Importing this package starts no thread, opens no socket and reads no configuration. Whatever it offers is loaded at its
first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k8sdataservice.endpoints import Endpoints
    from k8sdataservice.exceptions import (
        ConflictError,
        DataServiceError,
        DataServiceTimeoutError,
        ForbiddenError,
        InvalidSpecError,
        NotFoundError,
        NotOwnedError,
        UnavailableError,
    )
    from k8sdataservice.update import Updated

__all__ = [
    "ConflictError",
    "DataServiceError",
    "DataServiceTimeoutError",
    "Endpoints",
    "ForbiddenError",
    "InvalidSpecError",
    "NotFoundError",
    "NotOwnedError",
    "UnavailableError",
    "Updated",
]

#: The module of each name that is not an exception. Functions stay in their modules, whose names they share.
_HOMES = {"Endpoints": "endpoints", "Updated": "update"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'exceptions')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
