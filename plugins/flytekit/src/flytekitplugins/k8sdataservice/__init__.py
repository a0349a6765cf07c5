"""Data services for Flyte workflows, under the import path that users know.

Documentation: https://github.com/flyteorg/flytekitplugins-k8sdataservice
"""

import importlib
from typing import TYPE_CHECKING, Any

import flytekitplugins_k8sdataservice as _home
from flytekitplugins_k8sdataservice import __all__ as __all__

if TYPE_CHECKING:
    from flytekitplugins_k8sdataservice import *  # noqa: F403

#: The modules that are attributes of this one without an import of their own, as in version 1.
_SUBMODULES = ("connector", "k8s", "sensor", "task")


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in __all__:
        return getattr(_home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
