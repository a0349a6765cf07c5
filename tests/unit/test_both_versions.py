"""Old and new connectors serve the same tasks: during a rolling update, and after a rollback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import DataServiceConfig, DataServiceMetadata

from unit.version_1 import version_1, version_2

READ_STATE = """
    from flytekitplugins.k8sdataservice.connector import DataServiceConfig, DataServiceMetadata
    state = DataServiceMetadata.decode(given.encode())
    assert isinstance(state.dataservice_config, DataServiceConfig)
    config = state.dataservice_config
    answer = [state.name, config.Name, config.ExistingReleaseName, config.Cluster]
"""


def state(name: str | None = "foo", existing: str | None = None, **fields: Any) -> DataServiceMetadata:
    config = DataServiceConfig(Name=name, Port=40000, Replicas=2, ExistingReleaseName=existing, Cluster="west")
    return DataServiceMetadata(dataservice_config=config, name=existing or "foo", **fields)


def test_version_1_reads_our_state_and_polls_the_right_service() -> None:
    made = state(namespace="flyte", owner="o" * 32, uid="u" * 36)
    assert version_1(READ_STATE, made.encode().decode()) == ["foo", "foo", None, "west"]


def test_version_1_polls_an_existing_service_by_its_name() -> None:
    # It polls the service that is called Name, which a task that uses an existing one leaves out.
    used = state(name=None, existing="theirs", namespace="flyte", owner="o")
    assert version_1(READ_STATE, used.encode().decode()) == ["theirs", "theirs", "theirs", "west"]


def test_version_1_deletes_what_our_state_names() -> None:
    deleted = version_1(
        """
        from flytekitplugins.k8sdataservice.connector import DataServiceConnector, DataServiceMetadata
        answer, connector = [], DataServiceConnector()
        manager = connector.k8s_manager
        # Its API calls would go to a cluster.
        manager.delete_stateful_set = lambda name: answer.append(["StatefulSet", manager.namespace, name])
        manager.delete_service = lambda name: answer.append(["Service", manager.namespace, name])
        connector.delete(DataServiceMetadata.decode(given.encode()))
        """,
        state(namespace="flyte", owner="o").encode().decode(),
    )
    assert deleted == [["StatefulSet", "flyte", "foo"], ["Service", "flyte", "foo"]]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"Name": "foo", "Image": "i", "Command": ["a"], "Cluster": "west"}, "foo"),
        ({"Image": "i", "Command": None}, "k8s-dataservice-0123abcd"),
        ({"ExistingReleaseName": "theirs", "Image": "i"}, "theirs"),
    ],
)
def test_we_read_the_state_of_version_1(fields: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = version_1(
        """
        from flytekitplugins.k8sdataservice.connector import DataServiceConfig, DataServiceMetadata
        fields, name = given
        answer = DataServiceMetadata(dataservice_config=DataServiceConfig(**fields), name=name).encode().decode()
        """,
        [fields, name],
    )
    # Wherever this version makes its services, version 1 made them in one place.
    monkeypatch.setenv("K8SDATASERVICE_NAMESPACE", "elsewhere")
    read = DataServiceMetadata.decode(written.encode())
    assert (read.name, read.namespace, read.owner, read.uid) == (name, "flyte", None, None)
    assert read.dataservice_config.ExistingReleaseName == fields.get("ExistingReleaseName")
    assert read.dataservice_config.Cluster is None


def test_we_read_the_state_of_version_2_0() -> None:
    config = {"Name": "foo", "Port": 40000.0, "Replicas": 2.0, "Cluster": "west"}
    written = {"dataservice_config": config, "name": "foo", "namespace": "ml", "owner": "o", "uid": "1"}
    read = DataServiceMetadata.decode(json.dumps(written).encode())
    assert read == state(namespace="ml", owner="o", uid="1")


SERIALIZE_SENSOR = """
    import asyncio
    from collections import OrderedDict
    from flytekit import FlyteContextManager
    from flytekit.core.type_engine import TypeEngine
    from flytekit.configuration import ImageConfig, SerializationSettings
    from flytekit.tools.translator import get_serializable
    from flytekitplugins.k8sdataservice import CleanupSensor
    settings = SerializationSettings(ImageConfig.auto_default_image(), version="1")
    sensor = CleanupSensor(name="cleanup", namespace="ml", timeout=60)
    template = get_serializable(OrderedDict(), settings, sensor).template.to_flyte_idl()
    values = {"release_name": "foo", "cleanup_data_service": False, "cluster": given}
    inputs = TypeEngine.dict_to_literal_map(
        FlyteContextManager.current_context(), values, sensor.python_interface.inputs
    )
    answer = [template.SerializeToString().hex(), inputs.to_flyte_idl().SerializeToString().hex()]
"""

CREATE_SENSOR = """
    import asyncio
    from flyteidl.core import literals_pb2, tasks_pb2
    from flytekit.models.literals import LiteralMap
    from flytekit.models.task import TaskTemplate
    from flytekit.sensor.sensor_engine import SensorEngine
    template, inputs = (bytes.fromhex(each) for each in given)
    template = TaskTemplate.from_flyte_idl(tasks_pb2.TaskTemplate.FromString(template))
    inputs = LiteralMap.from_flyte_idl(literals_pb2.LiteralMap.FromString(inputs))
    answer = asyncio.run(SensorEngine().create(task_template=template, inputs=inputs)).encode().decode()
"""

POLL_SENSOR = """
    import asyncio
    from flytekit.sensor.base_sensor import SensorMetadata
    from flytekit.sensor.sensor_engine import SensorEngine
    answer = asyncio.run(SensorEngine().get(SensorMetadata.decode(given.encode()))).phase
"""

SUCCEEDED = 3


@pytest.mark.parametrize("cluster", ["default-cluster", None])
@pytest.mark.parametrize(("created_by", "polled_by"), [(version_2, version_1), (version_1, version_2)])
def test_a_sensor_of_this_version_is_polled_by_both(created_by: Any, polled_by: Any, cluster: str | None) -> None:
    registered = version_2(SERIALIZE_SENSOR, cluster)
    assert polled_by(POLL_SENSOR, created_by(CREATE_SENSOR, registered)) == SUCCEEDED


@pytest.mark.parametrize(("created_by", "polled_by"), [(version_2, version_1), (version_1, version_2)])
def test_a_sensor_of_version_1_is_polled_by_both(created_by: Any, polled_by: Any) -> None:
    registered = version_1(SERIALIZE_SENSOR, "default-cluster")
    assert polled_by(POLL_SENSOR, created_by(CREATE_SENSOR, registered)) == SUCCEEDED


SERIALIZE_TASK = """
    from collections import OrderedDict
    from flytekit import Resources
    from flytekit.configuration import ImageConfig, SerializationSettings
    from flytekit.tools.translator import get_serializable
    from flytekitplugins.k8sdataservice import DataServiceConfig, DataServiceTask
    config = DataServiceConfig(
        Name="foo", Image="busybox", Command=["sh"], Port=40000, Replicas=2, Cluster="default-cluster",
        Requests=Resources(cpu="1", mem="1Gi"), Limits=Resources(cpu="2", mem="2Gi"),
    )
    settings = SerializationSettings(ImageConfig.auto_default_image(), version="1")
    template = get_serializable(OrderedDict(), settings, DataServiceTask(name="t", task_config=config)).template
    answer = [template.type, template.custom]
"""


def test_both_versions_register_the_same_task() -> None:
    assert version_1(SERIALIZE_TASK) == version_2(SERIALIZE_TASK)


WRITE_VALUE = """
    from flytekit import FlyteContextManager, Resources
    from flytekit.core.type_engine import TypeEngine
    from flytekitplugins.k8sdataservice import DataServiceConfig
    given["Requests"], given["Limits"] = Resources(cpu="1", mem="1Gi"), Resources(cpu=2, gpu=1)
    literal = TypeEngine.to_literal(
        FlyteContextManager.current_context(), DataServiceConfig(**given), DataServiceConfig,
        TypeEngine.to_literal_type(DataServiceConfig),
    )
    answer = literal.to_flyte_idl().SerializeToString().hex()
"""

READ_VALUE = """
    from flyteidl.core import literals_pb2
    from flytekit import FlyteContextManager, Resources
    from flytekit.core.type_engine import TypeEngine
    from flytekit.models.literals import Literal
    from flytekitplugins.k8sdataservice import DataServiceConfig
    written, fields = given
    literal = Literal.from_flyte_idl(literals_pb2.Literal.FromString(bytes.fromhex(written)))
    config = TypeEngine.to_python_value(FlyteContextManager.current_context(), literal, DataServiceConfig)
    resources = [config.Requests == Resources(cpu="1", mem="1Gi"), config.Limits == Resources(cpu=2, gpu=1)]
    answer = [{name: getattr(config, name) for name in fields}, *resources]
"""


@pytest.mark.parametrize(("writer", "reader"), [(version_1, version_2), (version_2, version_1)])
def test_a_configuration_as_a_value_is_read_by_the_other_version(writer: Any, reader: Any) -> None:
    fields = {"Name": "foo", "Image": "i", "Command": ["a", "b"], "Port": 40001, "Replicas": 2, "Cluster": "west"}
    assert reader(READ_VALUE, [writer(WRITE_VALUE, fields), fields]) == [fields, True, True]


def test_version_1_ignores_fields_that_it_does_not_have() -> None:
    written = version_2(WRITE_VALUE, {"Name": "foo", "Env": {"A": "b"}, "Ports": [{"port": 1}]})
    assert version_1(READ_VALUE, [written, {"Name": "foo"}]) == [{"Name": "foo"}, True, True]
