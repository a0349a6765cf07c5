"""The addresses of the pods of a service, as the tasks that use it get them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import DataServiceConfig, DataServiceTask, InvalidSpecError, endpoints

CONFIG = DataServiceConfig(
    Image="i", Replicas=2, Ports=[{"name": "grpc", "port": 50051}, {"name": "http-admin", "port": 8080}]
)


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Lets every attempt to ask a cluster fail."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))


def test_a_declaration_is_enough() -> None:
    task = DataServiceTask(name="store", task_config=CONFIG)
    where = task.endpoints("foo")
    assert where == endpoints("foo", CONFIG) == endpoints("foo", task)
    assert where.hostnames == ["foo-0.foo.flyte", "foo-1.foo.flyte"]
    assert where.addresses == ["foo-0.foo.flyte:50051", "foo-1.foo.flyte:50051"]
    assert where.at("http-admin") == ["foo-0.foo.flyte:8080", "foo-1.foo.flyte:8080"]
    assert where.at(1)[0] == "foo-0.foo.flyte:1"


def test_a_number_of_replicas_is_enough() -> None:
    assert endpoints("foo", replicas=1).addresses == ["foo-0.foo.flyte:40000"]
    where = endpoints("foo", replicas=1, port=1, namespace="graphs")
    assert where.addresses == ["foo-0.foo.graphs:1"]


def test_the_namespace_is_the_one_that_the_service_lives_in(monkeypatch: pytest.MonkeyPatch) -> None:
    config = DataServiceConfig(Image="i", Namespace="graphs")
    assert endpoints("foo", config).hostnames == ["foo-0.foo.graphs"]
    monkeypatch.setenv("K8SDATASERVICE_NAMESPACE", "services")
    assert endpoints("foo", replicas=1).hostnames == ["foo-0.foo.services"]


def test_in_the_pod_of_a_task_the_namespace_is_that_of_its_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8SDATASERVICE_NAMESPACE", "{{ project }}-{{ domain }}")
    with pytest.raises(InvalidSpecError, match="which only an execution of Flyte fills"):
        endpoints("foo", replicas=1)
    assert endpoints("foo", replicas=1, namespace="graphs").hostnames == ["foo-0.foo.graphs"]
    monkeypatch.setenv("FLYTE_INTERNAL_EXECUTION_PROJECT", "shop")
    monkeypatch.setenv("FLYTE_INTERNAL_EXECUTION_DOMAIN", "development")
    assert endpoints("foo", replicas=1).hostnames == ["foo-0.foo.shop-development"]


def test_programs_find_it_in_their_environment() -> None:
    assert endpoints("my-store", CONFIG).environment() == {
        "MY_STORE_ENDPOINTS": "my-store-0.my-store.flyte:50051,my-store-1.my-store.flyte:50051",
        "MY_STORE_HOSTS": "my-store-0.my-store.flyte,my-store-1.my-store.flyte",
        "MY_STORE_COUNT": "2",
        "MY_STORE_PORT": "50051",
        "MY_STORE_PORT_GRPC": "50051",
        "MY_STORE_PORT_HTTP_ADMIN": "8080",
    }
    assert endpoints("foo", replicas=1).environment("STORE")["STORE_PORT"] == "40000"


def test_a_port_that_is_not_there_is_reported_with_those_that_are() -> None:
    with pytest.raises(InvalidSpecError, match=r'port is "http", but data service foo has grpc, http-admin\.'):
        endpoints("foo", CONFIG).at("http")


def test_a_declaration_counts_with_another_number_of_replicas() -> None:
    where = endpoints("foo", CONFIG, replicas=4)
    assert where.addresses == [f"foo-{ordinal}.foo.flyte:50051" for ordinal in range(4)]
    assert where.at("http-admin")[3] == "foo-3.foo.flyte:8080"
    task = DataServiceTask(name="store", task_config=CONFIG)
    assert endpoints("foo", task, replicas=4, port=7).addresses[0] == "foo-0.foo.flyte:7"
    assert endpoints("foo", CONFIG, replicas=0).addresses == []


def test_the_namespace_is_that_of_the_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("clusters:\n  west: {namespace: ml-west}\n  east: {}\n")
    monkeypatch.setenv("K8SDATASERVICE_SETTINGS", str(settings))
    config = DataServiceConfig(Image="i", Cluster="west")
    assert endpoints("foo", config).hostnames == ["foo-0.foo.ml-west"]
    assert endpoints("foo", config, replicas=1).namespace == "ml-west"
    assert endpoints("foo", replicas=1, cluster="west").namespace == "ml-west"
    assert endpoints("foo", config, cluster="east").namespace == "flyte"
    in_a_namespace = DataServiceConfig(Image="i", Cluster="west", Namespace="own")
    assert endpoints("foo", in_a_namespace).namespace == "own"
    assert endpoints("foo", in_a_namespace, namespace="other").namespace == "other"
    with pytest.raises(InvalidSpecError, match=r'cluster is "north", but the platform.s settings have east, west only'):
        endpoints("foo", config, cluster="north")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"namespace": ""}, "namespace is empty"),
        ({"cluster": ""}, "cluster is empty"),
        ({"replicas": -1}, "replicas is -1"),
        ({"port": 0}, "port is 0"),
        ({"port": 70000}, "port is 70000"),
    ],
)
def test_an_argument_at_fault_is_refused_and_not_ignored(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpecError, match=words) as raised:
        endpoints("foo", CONFIG, **arguments)
    assert raised.value.field == next(iter(arguments))
