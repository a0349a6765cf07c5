"""The names and calls that code written for version 1 can use."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from unit.version_1 import version_1

#: The modules of version 1, its tests aside.
MODULES = [
    "flytekitplugins.k8sdataservice",
    "flytekitplugins.k8sdataservice.connector",
    "flytekitplugins.k8sdataservice.k8s.kube_config",
    "flytekitplugins.k8sdataservice.k8s.manager",
    "flytekitplugins.k8sdataservice.sensor",
    "flytekitplugins.k8sdataservice.task",
    "utils.infra",
    "utils.resources",
]

#: The public names of version 1: every class and function with its methods, and the parameters of each.
LIST = """
    import importlib, inspect

    def parameters(function):
        return [[each.name, each.kind.name, each.default is each.empty] for each in
                inspect.signature(function).parameters.values()]

    def own(module):
        for name, value in vars(module).items():
            home = getattr(value, "__module__", "") or ""
            # Also what a module has imported from another one, but for helpers of the manager.
            ours = home.startswith("flytekitplugins.k8sdataservice") or home == module.__name__
            if ours and not name.startswith("_"):
                yield name, value

    answer = {}
    for path in given:
        for name, value in own(importlib.import_module(path)):
            if inspect.isclass(value):
                methods = {key: method for key, method in vars(value).items() if inspect.isfunction(method)}
                public = {key: method for key, method in methods.items() if key == "__init__" or key[0] != "_"}
                answer[f"{path}:{name}"] = {key: parameters(method) for key, method in public.items()}
            elif inspect.isfunction(value):
                answer[f"{path}:{name}"] = {"": parameters(value)}
"""


@pytest.fixture(scope="module")
def surface() -> dict[str, dict[str, Any]]:
    """Returns the parameters of each function of version 1, and of each method of its classes."""
    listed: dict[str, dict[str, Any]] = version_1(LIST, MODULES)
    assert len(listed) > 15
    return listed


def problems(old: list[list[Any]], new: inspect.Signature) -> list[str]:
    """Returns the calls that the old signature takes and the new one does not."""
    found = []
    parameters = list(new.parameters.values())
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters)
    for position, (name, kind, required) in enumerate(old):
        if kind == "VAR_KEYWORD":
            found += [] if takes_any else ["takes no other keywords"]
        elif name not in new.parameters:
            found += [] if takes_any else [f"has no parameter {name}"]
        elif [each.name for each in parameters].index(name) != position:
            found.append(f"has {name} at another position")
        elif not required and new.parameters[name].default is inspect.Parameter.empty:
            found.append(f"requires {name}")
    names = {name for name, _, _ in old}
    found += [
        f"requires {each.name}, which is new"
        for each in parameters
        if each.name not in names
        and each.default is each.empty
        and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    ]
    return found


def test_every_class_and_function_of_version_1_takes_the_same_calls(surface: dict[str, dict[str, Any]]) -> None:
    found = []
    for place, functions in surface.items():
        module, name = place.split(":")
        ours = getattr(importlib.import_module(module), name, None)
        if ours is None:
            found.append(f"{place} is missing")
            continue
        for method, parameters in functions.items():
            function = getattr(ours, method, None) if method else ours
            if function is None:
                found.append(f"{place}.{method} is missing")
            else:
                found += [f"{place}.{method} {each}" for each in problems(parameters, inspect.signature(function))]
    assert not found


def test_modules_are_attributes_of_the_package() -> None:
    package = importlib.import_module("flytekitplugins.k8sdataservice")
    for name in ("connector", "k8s", "sensor", "task"):
        assert getattr(package, name) is importlib.import_module(f"{package.__name__}.{name}")
    assert package.k8s.manager is importlib.import_module(f"{package.__name__}.k8s.manager")
    assert {"task", "DataServiceTask", "gen_infra_name"} <= set(dir(package))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_every_name_is_the_same_object_on_both_paths() -> None:
    home = importlib.import_module("flytekitplugins_k8sdataservice")
    documented = importlib.import_module("flytekitplugins.k8sdataservice")
    assert "gen_infra_name" in home.__all__
    assert all(getattr(documented, name) is getattr(home, name) for name in home.__all__)
