"""The task and the sensor, as Flyte's SDK serializes them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional

import pytest
from flytekit import Resources, kwtypes, workflow
from flytekit.configuration import ImageConfig, SerializationSettings
from flytekit.core.base_task import TaskMetadata
from flytekit.core.cache import Cache
from flytekit.core.workflow import ImperativeWorkflow
from flytekit.exceptions.user import FlyteFailureNodeInputMismatchException
from flytekit.tools.translator import get_serializable
from flytekitplugins_k8sdataservice import CleanupSensor, DataServiceConfig, DataServiceTask, InvalidSpecError
from google.protobuf import json_format

SETTINGS = SerializationSettings(ImageConfig.auto_default_image(), version="1")
COUNT = iter(range(1000))


def wire(config: DataServiceConfig | None) -> dict[str, Any]:
    """Returns the configuration as it leaves for the connector."""
    task = DataServiceTask(name=f"task-{next(COUNT)}", task_config=config, inputs=kwtypes(ds=str))
    template = get_serializable(OrderedDict(), SETTINGS, task).template.to_flyte_idl()
    custom: dict[str, Any] = json_format.MessageToDict(template.custom)
    return custom


def test_the_wire_keys_are_the_ones_the_plugin_has_always_used() -> None:
    config = DataServiceConfig(
        Name="foo",
        Requests=Resources(cpu="1", mem="1Gi"),
        Limits=Resources(cpu=2, gpu="1"),
        Port=40001,
        Image="busybox",
        Command=["sh"],
        Replicas=2,
        Cluster="west",
    )
    amounts = {"cpu": None, "mem": None, "gpu": None, "ephemeral_storage": None}
    assert wire(config) == {
        "Name": "foo",
        "Image": "busybox",
        "Command": ["sh"],
        "Port": 40001.0,
        "Replicas": 2.0,
        "ExistingReleaseName": None,
        "Cluster": "west",
        "Requests": amounts | {"cpu": "1", "mem": "1Gi"},
        "Limits": amounts | {"cpu": 2.0, "gpu": "1"},
    }


def test_missing_fields_are_null_and_resources_are_left_out() -> None:
    assert set(wire(DataServiceConfig(Image="busybox"))) == {
        "Name",
        "Image",
        "Command",
        "Port",
        "Replicas",
        "ExistingReleaseName",
        "Cluster",
    }


def test_the_task_declares_one_output_called_name() -> None:
    task = DataServiceTask(name=f"task-{next(COUNT)}", task_config=DataServiceConfig(Image="busybox"))
    assert task.python_interface.outputs == {"name": str}


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (None, "Image"),
        (DataServiceConfig(), "Image"),
        (DataServiceConfig(Image="i", Name="Not_A_Name"), "Name"),
        (DataServiceConfig(Image="i", Replicas=-1), "Replicas"),
        (DataServiceConfig(Image="i", Port=0), "Port"),
        (DataServiceConfig(Image="i", Namespace="Bad_Name"), "Namespace"),
        (DataServiceConfig(Image="i", Cluster=5), "Cluster"),  # type: ignore[arg-type]
        (DataServiceConfig(Image="i", Requests=Resources(cpu=("1", "2"))), "Requests.cpu"),
    ],
)
def test_a_bad_field_is_named_when_the_task_is_registered(config: DataServiceConfig | None, field: str) -> None:
    with pytest.raises(InvalidSpecError) as raised:
        wire(config)
    assert raised.value.field == field
    assert isinstance(raised.value, ValueError)
    assert str(raised.value).startswith(f"{field} ")


def test_the_sensor_asks_for_a_name_and_a_decision_and_may_be_given_a_cluster() -> None:
    sensor = CleanupSensor(name=f"sensor-{next(COUNT)}", timeout=60)
    assert list(sensor.python_interface.inputs) == ["release_name", "cleanup_data_service", "cluster"]
    template = get_serializable(OrderedDict(), SETTINGS, sensor).template
    assert template.custom["sensor_module"] == "flytekitplugins.k8sdataservice.sensor"
    assert template.custom["sensor_config"] is None


def test_the_sensors_namespace_survives_the_way_to_the_connector() -> None:
    sensor = CleanupSensor(name=f"sensor-{next(COUNT)}", namespace="elsewhere")
    template = get_serializable(OrderedDict(), SETTINGS, sensor).template
    again = CleanupSensor("sensor", config=template.custom["sensor_config"])
    assert again.namespace == "elsewhere"


def test_a_sensor_of_the_users_own_is_found_in_its_own_module() -> None:
    sensor = KeepingSensor(name=f"sensor-{next(COUNT)}")
    custom = get_serializable(OrderedDict(), SETTINGS, sensor).template.custom
    assert (custom["sensor_module"], custom["sensor_name"]) == (__name__, "KeepingSensor")


class KeepingSensor(CleanupSensor):
    pass


@dataclass
class Extended(DataServiceConfig):
    Team: str = "graph"


def test_a_configuration_that_extends_ours_sends_our_fields_only() -> None:
    plain = wire(DataServiceConfig(Image="busybox", Env={"A": "b"}))
    assert wire(Extended(Image="busybox", Env={"A": "b"})) == plain


def test_a_number_of_pods_may_be_text() -> None:
    assert wire(DataServiceConfig(Image="busybox", Replicas="2"))["Replicas"] == "2"  # type: ignore[arg-type]


def task(**arguments: Any) -> DataServiceTask:
    return DataServiceTask(name=f"task-{next(COUNT)}", task_config=DataServiceConfig(Image="busybox"), **arguments)


def sensor(**arguments: Any) -> CleanupSensor:
    return CleanupSensor(name=f"sensor-{next(COUNT)}", **arguments)


@pytest.mark.parametrize(
    ("cached", "reason"),
    [
        (lambda: task(cache=True), "would get the name of a service that may be deleted already"),
        (lambda: task(cache=Cache(version="1")), "would get the name"),
        (lambda: task(metadata=TaskMetadata(cache=True, cache_version="1")), "would get the name"),
        (lambda: sensor(cache=True), "would succeed without deleting its service"),
        (lambda: sensor(timeout=9, metadata=TaskMetadata(cache=True, cache_version="1")), "would succeed without"),
    ],
)
def test_caching_is_refused_when_the_task_is_registered(cached: Callable[[], Any], reason: str) -> None:
    with pytest.raises(InvalidSpecError, match=reason) as raised:
        get_serializable(OrderedDict(), SETTINGS, cached())
    assert raised.value.field == "cache"


@pytest.mark.parametrize("cache", [True, Cache(version="1")])
def test_caching_a_single_node_is_refused(cache: Any) -> None:
    serve = task()

    @workflow
    def cached() -> str:
        version = {} if isinstance(cache, Cache) else {"cache_version": "1"}
        return serve().with_overrides(cache=cache, **version)

    with pytest.raises(InvalidSpecError, match=f"task {serve.name} cannot be cached"):
        cached.compile()


def test_a_task_that_is_not_cached_is_registered() -> None:
    serve = task(cache=False, metadata=TaskMetadata(retries=1))

    @workflow
    def plain() -> str:
        return serve().with_overrides(node_name="store", cache=False, retries=2)

    (node,) = get_serializable(OrderedDict(), SETTINGS, plain).template.nodes
    assert (node.id, node.metadata.retries.retries) == ("store", 2)


def inputs_of_failure_node(compiled: Any) -> list[str]:
    node = get_serializable(OrderedDict(), SETTINGS, compiled).template.failure_node
    return sorted(binding.var for binding in node.inputs)


def test_the_sensor_cleans_up_after_workflows_with_and_without_a_cluster() -> None:
    serve, cleanup = task(), sensor()

    @workflow(on_failure=cleanup)
    def with_cluster(release_name: str, cleanup_data_service: bool, cluster: str) -> None:
        serve()

    @workflow(on_failure=cleanup)
    def without_cluster(release_name: str, cleanup_data_service: bool) -> None:
        serve()

    @workflow(on_failure=cleanup)
    def perhaps_with_cluster(
        release_name: str,
        cleanup_data_service: bool,
        cluster: Optional[str] = None,  # noqa: UP045
    ) -> None:
        serve()

    both = ["cleanup_data_service", "release_name"]
    assert set(both) <= set(inputs_of_failure_node(without_cluster))
    for compiled in (with_cluster, perhaps_with_cluster):
        assert inputs_of_failure_node(compiled) == sorted([*both, "cluster"])


def test_the_sensor_cleans_up_after_an_imperative_workflow_with_a_cluster() -> None:
    imperative = ImperativeWorkflow(name=f"workflow-{next(COUNT)}")
    for name, kind in {"release_name": str, "cleanup_data_service": bool, "cluster": str}.items():
        imperative.add_workflow_input(name, kind)
    imperative.add_on_failure_handler(sensor())
    assert "cluster" in inputs_of_failure_node(imperative)


def test_a_workflow_whose_inputs_do_not_fit_the_sensor_is_refused_as_always() -> None:
    cleanup = sensor()

    @workflow(on_failure=cleanup)
    def wrong(release_name: str, cleanup_data_service: bool, cluster: int) -> None:
        task()

    with pytest.raises(FlyteFailureNodeInputMismatchException):
        wrong.compile()
