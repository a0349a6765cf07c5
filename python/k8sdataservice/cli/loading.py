"""Loads the task that a command names, as ``FILE_OR_MODULE:TASK``."""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from k8sdataservice.configuration import Configuration, is_configuration

#: The names of the plugins' tasks and configurations. None of them is imported here; the user's own file does that.
_NAMES = ("DataServiceTask", "DataServiceConfig")


class LoadingError(Exception):
    """The named task does not exist. The message has the reason, and the tasks that exist."""


def load(place: str) -> Configuration:
    """Returns the task or the configuration of that name.

    Args:
        place: The path of a Python file or the name of a module, a colon, and the name of a variable in it that holds
            the task or its configuration, or of a function without required arguments that returns one.

    Raises:
        LoadingError: There is no such file, module or task, or importing or calling it fails.
    """
    source, colon, name = place.rpartition(":")
    if not colon or not source or not name:
        raise LoadingError(
            f"{place!r} must be a file or a module, a colon and a task, such as workflows.py:feature_store."
        )
    module = _module(source)
    found = getattr(module, name, None)
    if found is not None and _is_factory(found):
        return _made(found, f"{source}:{name}")
    if is_configuration(found):
        return found
    there = [key for key, value in vars(module).items() if is_configuration(value) or _returns_one(value)]
    nearest = sorted(there, key=lambda key: -difflib.SequenceMatcher(None, key.lower(), name.lower()).ratio())
    problem = "has no" if found is None else f"has a {type(found).__name__} where it should have a DataServiceTask"
    has = f"it has {', '.join(nearest)}." if nearest else "it has no DataServiceTask and no DataServiceConfig at all."
    raise LoadingError(f"{source} {problem} {name}: {has}")


def _is_factory(value: Any) -> bool:
    """Whether calling something may return a task; tasks and workflows of Flyte would run."""
    return inspect.isroutine(value) or isinstance(value, functools.partial)


def _returns_one(value: Any) -> bool:
    """Whether a function says that it returns a task or a configuration."""
    returned = getattr(value, "__annotations__", {}).get("return") if _is_factory(value) else None
    name = returned if isinstance(returned, str) else getattr(returned, "__name__", "")
    return name.rpartition(".")[2] in _NAMES


def _made(factory: Callable[..., Any], place: str) -> Configuration:
    """Returns what a function returns that makes a task."""
    missing = [
        parameter.name
        for parameter in _parameters(factory)
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if missing:
        raise LoadingError(
            f"{place} is a function that needs arguments ({', '.join(missing)}), so its task is not known. Assign a "
            f"task to a variable, such as `task = {place.rpartition(':')[2]}(...)`, and name that."
        )
    # A user's function may raise anything when it is called.
    try:
        made = factory()
    except Exception as error:
        raise LoadingError(f"{place} is a function, and calling it failed: {type(error).__name__}: {error}") from error
    if is_configuration(made):
        return made
    if inspect.iscoroutine(made):
        made.close()
    raise LoadingError(
        f"{place} is a function that returned a {type(made).__name__}, but must return a DataServiceTask or a "
        "DataServiceConfig."
    )


def _parameters(factory: Callable[..., Any]) -> Iterable[inspect.Parameter]:
    try:
        return inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return ()


def _module(source: str) -> ModuleType:
    # A user's module may raise anything when it is imported.
    try:
        return _of_file(Path(source)) if source.endswith(".py") else _of_name(source)
    except LoadingError:
        raise
    except Exception as error:
        raise LoadingError(f"{source} cannot be imported: {type(error).__name__}: {error}") from error


def _of_name(name: str) -> ModuleType:
    # As `python -m` does for its own module.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return importlib.import_module(name)


def _of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise LoadingError(f"There is no file {path}.")
    # A module of a package imports its neighbours by the package's name.
    folder, names = path.resolve().parent, [path.stem]
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    sys.path.insert(0, str(folder))
    name = ".".join(names)
    # A file may be called as something that everybody imports.
    name = f"_{name}" if name in sys.modules else name
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader, f"{path} ends in .py"  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
