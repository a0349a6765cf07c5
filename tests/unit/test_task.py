"""The task and the sensor, as Flyte's SDK serializes them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
from flytekit import Resources, kwtypes
from flytekit.configuration import ImageConfig, SerializationSettings
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


def test_what_is_not_given_is_null_and_resources_are_left_out() -> None:
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
    assert template.custom["sensor_module"] == "flytekitplugins_k8sdataservice.sensor"
    assert template.custom["sensor_config"] is None


def test_the_sensors_namespace_survives_the_way_to_the_connector() -> None:
    sensor = CleanupSensor(name=f"sensor-{next(COUNT)}", namespace="elsewhere")
    template = get_serializable(OrderedDict(), SETTINGS, sensor).template
    again = CleanupSensor("sensor", config=template.custom["sensor_config"])
    assert again.namespace == "elsewhere"
