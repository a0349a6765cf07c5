"""Code, pickles and scripts made for version 2.0, which was one package with everything in it, still work."""

from __future__ import annotations

import base64
import dataclasses
import importlib
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import flytekitplugins_k8sdataservice
import pytest
from flytekit import Resources, Secret
from flytekitplugins_k8sdataservice import DataServiceConfig, DataServiceMetadata, Endpoints, Updated, exceptions
from flytekitplugins_k8sdataservice.owner import Owner
from flytekitplugins_k8sdataservice.sensor import CleanupSensorConfig

#: The public names of each of its modules, and values that it has pickled.
RECORD: dict[str, dict[str, Any]] = json.loads((Path(__file__).parents[1] / "golden" / "version-2.0.json").read_text())


def unpickled(name: str) -> Any:
    return pickle.loads(base64.b64decode(RECORD["pickles"][name]))


@pytest.mark.parametrize("module", RECORD["names"])
def test_every_module_has_its_names(module: str) -> None:
    found = importlib.import_module(module)
    assert [name for name in RECORD["names"][module] if not hasattr(found, name)] == []


#: Imports each module in a process where no other module of the plugin is loaded; flytekit is, once for all of them.
IMPORT_EACH = """
import importlib, importlib.metadata, os, sys, traceback
entry_points = importlib.metadata.entry_points
def without_plugins(**wanted):
    return [] if wanted.get("group") == "flytekit.plugins" else entry_points(**wanted)
importlib.metadata.entry_points = without_plugins
import flytekit
assert not [name for name in sys.modules if "k8sdataservice" in name]
for module in sys.argv[1:]:
    if os.fork() == 0:
        try:
            importlib.import_module(module)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.wait()[1] != 0:
        sys.exit(f"{module} cannot be the first")
"""


def test_every_module_can_be_the_first_that_is_imported() -> None:
    command = [sys.executable, "-c", IMPORT_EACH, *RECORD["names"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_modules_are_attributes_of_the_package_without_an_import() -> None:
    names = "_core answer client config connector consumers exceptions infra kube_config log_links manager metadata"
    script = f"""
import flytekitplugins_k8sdataservice as package
for name in "{names} owner planning sensor settings task updating".split():
    getattr(package, name)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_moved_name_is_the_same_object_on_both_paths() -> None:
    for old, new in (
        ("_core.Client", "k8sdataservice._core"),
        ("exceptions.InvalidSpecError", "k8sdataservice.exceptions"),
        ("InvalidSpecError", "k8sdataservice.exceptions"),
        ("client.default_client", "k8sdataservice.default_client"),
        ("consumers.endpoints", "k8sdataservice.endpoints"),
        ("endpoints", "k8sdataservice.endpoints"),
        ("planning.plan", "k8sdataservice.plan"),
        ("updating.update", "k8sdataservice.update"),
        ("owner.Owner", "k8sdataservice.owner"),
        ("settings.namespace", "k8sdataservice.settings"),
    ):
        found: Any = flytekitplugins_k8sdataservice
        for name in old.split("."):
            found = getattr(found, name)
        assert found is getattr(importlib.import_module(new), old.rpartition(".")[2])


def test_a_pickled_configuration_is_read() -> None:
    assert unpickled("configuration") == DataServiceConfig(
        Name="foo",
        Image="busybox",
        Command=["sh"],
        Port=1,
        Replicas=2,
        Cluster="west",
        Requests=Resources(cpu="1", mem="1Gi"),
        Env={"A": "b"},
        Secrets=[Secret(group="g", key="k")],
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "metadata",
            DataServiceMetadata(
                dataservice_config=DataServiceConfig(Name="foo", Port=1, Replicas=2, Cluster="west"),
                name="foo",
                namespace="ml",
                owner="o",
                uid="u",
            ),
        ),
        ("endpoints", Endpoints("foo", "ml", ["foo-0.foo.ml"], 40000, {})),
        ("updated", Updated("foo", "ml", ["Replicas 2 -> 4"], adopted_from="x", message="m", ready=True)),
        ("owner", Owner(id="i", execution="e", labels={"a": "b"}, annotations={"c": "d"})),
        ("sensor configuration", CleanupSensorConfig(namespace="ml")),
    ],
)
def test_pickled_values_are_read(name: str, expected: Any) -> None:
    found = unpickled(name)
    assert type(found) is type(expected)
    assert found == expected
    assert dataclasses.asdict(found) == dataclasses.asdict(expected)


def test_pickled_errors_are_read() -> None:
    error = unpickled("error")
    assert type(error) is exceptions.InvalidSpecError
    assert (str(error), error.field, error.reason, error.code) == ("Port is 0", "Port", "InvalidSpec", 422)
    assert error.faults == [exceptions.Fault("Port", "Port is 0")]
    others = [name for name in RECORD["pickles"] if name.endswith("Error")]
    assert len(others) == 7
    assert [type(unpickled(name)) for name in others] == [getattr(exceptions, name) for name in others]


def test_pickled_functions_and_classes_are_found() -> None:
    package = flytekitplugins_k8sdataservice
    assert unpickled("functions")[:4] == [package.endpoints, package.plan, package.update, package.gen_infra_name]
    assert all(callable(each) for each in unpickled("functions"))
    classes = unpickled("classes")
    assert classes[:3] == [package.DataServiceTask, package.CleanupSensor, package.DataServiceConnector]
    assert {"Client", "Plan", "Status"} <= {each.__name__ for each in classes if each.__module__.endswith("._core")}


def test_a_pickled_manager_goes_on() -> None:
    manager = unpickled("manager")
    assert (manager.name, manager.namespace) == ("foo", "flyte")
