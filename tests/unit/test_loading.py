"""Tasks that a command names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from flytekitplugins_k8sdataservice import DataServiceConfig, DataServiceTask
from k8sdataservice.cli.loading import LoadingError, load

WORKFLOWS = """
from flytekitplugins_k8sdataservice import DataServiceConfig, DataServiceTask

features = DataServiceConfig(Image="busybox")
feature_store = DataServiceTask(name="feature-store", task_config=features)
parameters = DataServiceTask(name="parameters", task_config=features)
number = 3
"""


@pytest.fixture(autouse=True)
def _a_clean_slate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "modules", sys.modules | {})


def test_a_task_is_found_in_a_file_and_in_a_module(tmp_path: Path) -> None:
    (tmp_path / "my_workflows.py").write_text(WORKFLOWS)
    of_file = load("my_workflows.py:feature_store")
    assert isinstance(of_file, DataServiceTask) and of_file.name == "feature-store"
    assert isinstance(load(f"{tmp_path}/my_workflows.py:features"), DataServiceConfig)
    (tmp_path / "other_workflows.py").write_text(WORKFLOWS)
    assert isinstance(load("other_workflows:parameters"), DataServiceTask)


def test_a_file_of_a_package_imports_its_neighbours(tmp_path: Path) -> None:
    package = tmp_path / "src" / "team" / "flows"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "images.py").write_text("IMAGE = 'busybox:1'")
    (package / "main.py").write_text(
        "from flytekitplugins_k8sdataservice import DataServiceConfig\nfrom .images import IMAGE\n"
        "from team.flows import images\nconfig = DataServiceConfig(Image=IMAGE)"
    )
    config = load("src/team/flows/main.py:config")
    assert isinstance(config, DataServiceConfig) and config.Image == "busybox:1"


def test_a_file_may_be_called_as_a_module_that_everybody_uses(tmp_path: Path) -> None:
    import json

    (tmp_path / "json.py").write_text(WORKFLOWS)
    load("json.py:feature_store")
    assert sys.modules["json"] is json


FACTORIES = """
import functools
from flytekit import task, workflow
from flytekitplugins_k8sdataservice import DataServiceConfig, DataServiceTask

def documented():
    config = DataServiceConfig(Name="foo", Image="busybox")
    return DataServiceTask(name="K8s Stateful Data Service", task_config=config)

def only_a_config(replicas: int = 3, *args: str, **kwargs: str) -> DataServiceConfig:
    return DataServiceConfig(Image="busybox", Replicas=replicas)

four = functools.partial(only_a_config, 4)
anonymous = lambda: only_a_config(5)

def with_arguments(image, *, replicas):
    return DataServiceConfig(Image=image, Replicas=replicas)

def nothing():
    pass

def broken():
    raise KeyError("image")

async def late() -> DataServiceConfig:
    return DataServiceConfig(Image="busybox")

@task
def consumer() -> int:
    return 1

@workflow
def flow() -> int:
    return consumer()
"""


def test_a_function_that_makes_a_task_is_called(tmp_path: Path) -> None:
    (tmp_path / "factories.py").write_text(FACTORIES)
    made = load("factories.py:documented")
    assert isinstance(made, DataServiceTask) and made.task_config and made.task_config.Name == "foo"
    for name, replicas in (("only_a_config", 3), ("four", 4), ("anonymous", 5)):
        config = load(f"factories.py:{name}")
        assert isinstance(config, DataServiceConfig) and config.Replicas == replicas


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("with_arguments", "needs arguments (image, replicas), so its task is not known. Assign a task to a variable"),
        ("nothing", "returned a NoneType, but must return a DataServiceTask or a DataServiceConfig."),
        ("broken", "calling it failed: KeyError: 'image'"),
        ("late", "returned a coroutine, but must return"),
        ("consumer", "where it should have a DataServiceTask consumer: it has"),
        ("flow", "where it should have a DataServiceTask flow: it has"),
        ("only_config", "has no only_config: it has only_a_config"),
    ],
)
def test_a_function_that_makes_no_task_is_an_error_that_says_what_to_do(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "factories.py").write_text(FACTORIES)
    with pytest.raises(LoadingError) as raised:
        load(f"factories.py:{name}")
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("my_workflows.py:featurestore", "has no featurestore: it has feature_store, features, parameters."),
        ("my_workflows.py:number", "has a int where it should have a DataServiceTask number: it has "),
        ("empty.py:x", "it has no DataServiceTask and no DataServiceConfig at all."),
        ("gone.py:x", "There is no file gone.py."),
        ("gone_module:x", "gone_module cannot be imported: ModuleNotFoundError"),
        ("broken.py:x", "broken.py cannot be imported: ZeroDivisionError: division by zero"),
        ("my_workflows.py", "must be a file or a module, a colon and a task"),
        (":x", "must be a file or a module, a colon and a task"),
    ],
)
def test_a_missing_resource_is_reported_with_the_available_amount(tmp_path: Path, place: str, words: str) -> None:
    (tmp_path / "my_workflows.py").write_text(WORKFLOWS)
    (tmp_path / "empty.py").touch()
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(LoadingError) as raised:
        load(place)
    assert words in str(raised.value)
