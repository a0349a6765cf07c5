"""A configuration as an input and an output of Flyte's tasks."""

from __future__ import annotations

import copy
import dataclasses
import logging
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Dict, List, Optional  # noqa: UP035

import pytest
from flytekit import FlyteContextManager, PodTemplate, Resources, Secret, dynamic, task, workflow
from flytekit.core.type_engine import TypeEngine
from flytekit.extras.accelerators import A100, T4
from flytekit.models.types import LiteralType
from flytekitplugins_k8sdataservice import DataServiceConfig
from kubernetes import client as k8s
from mashumaro.mixins.json import DataClassJSONMixin

from unit.fields import config_of, examples

EXAMPLES = examples()

OLD = DataServiceConfig(
    Name="foo",
    Image="busybox",
    Command=["sh"],
    Port=40001,
    Replicas=2,
    Cluster="west",
    Requests=Resources(cpu="1", mem="1Gi"),
    Limits=Resources(cpu=2, gpu=1),
)

#: Values that are no plain data, of flytekit and of the package `kubernetes`.
RICH = dataclasses.replace(
    OLD,
    PodTemplate=PodTemplate(
        pod_spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="primary")], host_network=True), labels={"a": "b"}
    ),
    Env={"A": "b", "C": k8s.V1EnvVarSource(secret_key_ref=k8s.V1SecretKeySelector(name="s", key="k"))},
    Secrets=[Secret(group="g", key="k", mount_requirement=Secret.MountType.ENV_VAR)],
    Accelerator=A100,
    ReadinessProbe=k8s.V1Probe(period_seconds=3),
    Sidecars=[k8s.V1Container(name="x", image="y", args=["a"])],
    Affinity=k8s.V1Affinity(node_affinity=k8s.V1NodeAffinity()),
    Tolerations=[k8s.V1Toleration(key="a"), {"key": "b"}],
    NetworkPolicy={"ingress": [{"from": []}]},
    UpdateStrategy="OnDelete",
)


@dataclass
class Extended(DataServiceConfig):
    Team: str = "nobody"
    Level: int = 1


@dataclass
class Settings:
    service: DataServiceConfig
    others: List[DataServiceConfig]  # noqa: UP006
    spare: Optional[DataServiceConfig] = None  # noqa: UP045


@dataclass
class MixedIn(DataClassJSONMixin):
    service: DataServiceConfig


@cache
def literal_type(kind: Any) -> LiteralType:
    """Returns Flyte's type for one of Python's."""
    return TypeEngine.to_literal_type(kind)


def travelled(value: Any, kind: Any) -> Any:
    """Returns a value after the way through a literal, which must be silent."""
    context = FlyteContextManager.current_context()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        declared = literal_type(kind)
        TypeEngine.get_transformer(kind).assert_type(kind, value)
        return TypeEngine.to_python_value(context, TypeEngine.to_literal(context, value, kind, declared), kind)


def configurations(value: Any) -> list[DataServiceConfig]:
    """Returns the configurations in a value of one of the kinds above."""
    if isinstance(value, DataServiceConfig):
        return [value]
    if isinstance(value, Settings):
        return configurations([value.service, *value.others, value.spare])
    if isinstance(value, MixedIn):
        return [value.service]
    return [each for item in (value.values() if isinstance(value, dict) else value) for each in configurations(item)]


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Fails a test in which flytekit logs a warning or an error."""
    records: list[logging.LogRecord] = []
    monkeypatch.setattr(logging.getLogger("flytekit"), "handle", records.append)
    yield
    assert [record.getMessage() for record in records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("field", sorted(EXAMPLES))
def test_the_example_of_every_field_comes_back(field: str) -> None:
    config = config_of(EXAMPLES[field])
    back = travelled(config, DataServiceConfig)
    assert back.to_wire() == config.to_wire()
    # flytekit's accelerators equal nothing.
    assert field == "Accelerator" or back == config


@pytest.mark.parametrize("config", [DataServiceConfig(), OLD, RICH], ids=["nothing", "version 1", "rich"])
def test_a_configuration_means_the_same_wherever_it_has_travelled(config: DataServiceConfig) -> None:
    before = copy.deepcopy(config.to_wire())
    spread: list[tuple[Any, Any]] = [
        (config, DataServiceConfig),
        (config, Optional[DataServiceConfig]),  # noqa: UP045
        ([config], List[DataServiceConfig]),  # noqa: UP006
        ({"a": config}, Dict[str, DataServiceConfig]),  # noqa: UP006
        (Settings(config, [config], config), Settings),
        (MixedIn(config), MixedIn),
    ]
    for value, kind in spread:
        back = travelled(value, kind)
        found = configurations(back)
        assert [each.to_wire() for each in found] == [before] * len(found), kind
    assert config.to_wire() == before, "the value itself has changed"
    assert travelled(None, Optional[DataServiceConfig]) is None  # noqa: UP045


def test_the_fields_of_version_1_come_back_equal_from_the_format_before_messagepack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In which every number is a float.
    monkeypatch.setenv("FLYTE_USE_OLD_DC_FORMAT", "true")
    # flytekit has always returned other amounts than text as floats here.
    config = dataclasses.replace(OLD, Limits=Resources(cpu="2", gpu="1"))
    back = travelled(config, DataServiceConfig)
    assert back == config
    assert isinstance(back.Port, int)


def test_flytes_schema_has_every_field() -> None:
    schema = TypeEngine.to_literal_type(DataServiceConfig).metadata
    assert schema is not None
    properties = schema["properties"]
    assert list(properties) == [field.name for field in dataclasses.fields(DataServiceConfig)]
    assert properties["Port"]["anyOf"][0] == {"type": "integer"}
    assert properties["Ports"]["type"] == "array"
    assert properties["Env"]["type"] == "object"


def test_a_template_in_a_file_travels_with_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("spec: {hostNetwork: true}")
    back = travelled(DataServiceConfig(PodTemplate=str(path)), DataServiceConfig)
    path.unlink()
    assert back.to_wire()["PodTemplate"] == {"spec": {"hostNetwork": True}}


def test_a_configuration_that_extends_ours_keeps_its_own_fields() -> None:
    extended = Extended(Name="foo", Image="busybox", Accelerator=T4, Team="graph", Level=3)
    back = travelled(extended, Extended)
    assert isinstance(back, Extended)
    assert (back.Team, back.Level, back.Name) == ("graph", 3, "foo")
    assert back.to_wire() == extended.to_wire()


@task
def make(name: str) -> DataServiceConfig:
    return dataclasses.replace(RICH, Name=name)


@task
def gather(one: DataServiceConfig, more: List[DataServiceConfig]) -> Settings:  # noqa: UP006
    return Settings(service=one, others=more)


@task
def extend(settings: Settings) -> Extended:
    return Extended(Name=settings.service.Name, Image="busybox", Env=settings.others[0].Env, Team="graph")


@task
def name_of(config: Optional[DataServiceConfig], name: Optional[str]) -> str:  # noqa: UP045
    return f"{config.Name if config else ''} {name}"


@workflow
def passing_around(name: str) -> tuple[Extended, str]:
    made = make(name=name)
    return extend(settings=gather(one=made, more=[made, made])), name_of(config=made, name=made.Name)


@dynamic
def passing_around_dynamically(config: DataServiceConfig) -> Settings:
    return gather(one=config, more=[config])


def test_a_local_workflow_passes_configurations_around() -> None:
    extended, names = passing_around(name="bar")
    assert (extended.Name, extended.Team) == ("bar", "graph")
    assert extended.Env == RICH.to_wire()["Env"]
    assert names == "bar bar"
    assert passing_around_dynamically(config=OLD).service == OLD
