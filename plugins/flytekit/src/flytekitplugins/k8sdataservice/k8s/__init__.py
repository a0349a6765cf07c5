"""The service manager and the cluster configuration, under the import path of version 1."""

import importlib
from types import ModuleType

#: In version 1 these were loaded with the package.
_SUBMODULES = ("kube_config", "manager")


def __getattr__(name: str) -> ModuleType:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
