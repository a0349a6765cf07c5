"""A namespace per project, through a connector with the documented permissions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
import yaml
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.account import ACCOUNT
from cluster.support.configs import config, web_server
from cluster.support.connector import Connector, Execution, environment
from cluster.support.kubernetes import Kubernetes, Object
from cluster.support.objects import nothing, one
from cluster.support.polled_sensor import Sensor, sensor

ROLES = Path(__file__).parents[2] / "examples" / "rbac-projects.yaml"
TEMPLATE = "{{ project }}-{{ domain }}"
PROGRAM = str(Path(sys.executable).with_name("dataservice"))


@pytest.fixture
def connector(start_connector: Callable[..., Connector]) -> Connector:
    """Returns a connector that creates services in the namespaces of their projects."""
    return start_connector(K8SDATASERVICE_NAMESPACE=TEMPLATE)


@pytest.fixture
def projects(kubernetes: Kubernetes) -> Iterator[list[Kubernetes]]:
    """Returns the namespaces of two projects, in which the account of the first has the documented permissions."""
    spaces = [kubernetes, Kubernetes(kubernetes.kubectl, kubernetes.kubeconfig, f"{kubernetes.namespace}-b")]
    spaces[1].create_namespace()
    for space in spaces:
        space.apply(*roles(kubernetes))
    yield spaces
    names = (f"{each}-{kubernetes.namespace}" for each in ("k8sdataservice-projects", "k8sdataservice-search"))
    kubernetes.run("delete", "--ignore-not-found", "clusterrole,clusterrolebinding", *names)
    spaces[1].delete_namespace()


def roles(kubernetes: Kubernetes) -> list[Object]:
    """Returns the objects of the example, with names that no other test has."""
    objects: list[Object] = list(yaml.safe_load_all(ROLES.read_text()))
    for each in objects:
        if each["kind"].startswith("Cluster"):
            each["metadata"]["name"] += f"-{kubernetes.namespace}"
        else:
            each["metadata"]["name"] += "-projects"
        if "roleRef" in each:
            each["roleRef"]["name"] += f"-{kubernetes.namespace}"
            each["subjects"] = [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": kubernetes.namespace}]
    return objects


def execution_in(space: Kubernetes) -> Execution:
    """Returns an execution of the project and the domain that the namespace is for."""
    project, _, domain = space.namespace.rpartition("-")
    return Execution(project=project, domain=domain, namespace=space.namespace)


def test_services_of_one_name_live_beside_the_pods_of_their_projects(
    connector: Connector, projects: list[Kubernetes]
) -> None:
    made = [connector.create(config("foo", Replicas=0), execution_in(space)) for space in projects]
    for space, resource_meta in zip(projects, made, strict=True):
        assert space.services() == one("foo")
        assert json.loads(resource_meta)["dataservice_config"]["Requests"]["namespace"] == space.namespace
        assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED
    connector.delete(made[0])
    assert [space.services() for space in projects] == [nothing(), one("foo")]
    listed = dataservice(projects[0], "list", "-A", "-o", "json")
    places = [each["namespace"] for each in json.loads(listed.stdout) if each["name"] == "foo"]
    assert projects[1].namespace in places
    assert projects[0].namespace not in places


@pytest.mark.usefixtures("real_pods")
def test_the_names_of_pods_resolve_beside_the_pods_of_the_project(
    connector: Connector, projects: list[Kubernetes]
) -> None:
    space = projects[1]
    wanted = config("foo", Command=["sh", "-c", web_server("yes")], MinReadySeconds=0)
    assert connector.until_done(connector.create(wanted, execution_in(space))).phase == TaskExecution.SUCCEEDED
    assert space.in_a_pod("wget -qO- http://foo-0.foo:40000/").strip() == "yes"


def test_a_sensor_finds_the_only_service_of_its_name_and_refuses_two(
    connector: Connector, projects: list[Kubernetes]
) -> None:
    name = f"foo-{projects[0].namespace}"[:52].rstrip("-")
    for space in projects:
        connector.create(config(name, Replicas=0), execution_in(space))
    polled = Sensor(connector, sensor(), release_name=name, cleanup_data_service=True)
    with pytest.raises(grpc.RpcError) as raised:
        polled.poll()
    both = ", ".join(sorted(space.namespace for space in projects))
    assert f"ConflictError: Data service {name} exists in namespaces {both}" in raised.value.details()
    assert [space.services() for space in projects] == [one(name), one(name)]
    there = Sensor(connector, sensor(namespace=projects[0].namespace), release_name=name, cleanup_data_service=True)
    assert there.poll() == TaskExecution.SUCCEEDED
    assert [space.services() for space in projects] == [nothing(), one(name)]
    assert polled.poll() == TaskExecution.SUCCEEDED
    assert [space.services() for space in projects] == [nothing(), nothing()]
    assert polled.poll() == TaskExecution.SUCCEEDED
    assert f"No namespace that services may use has a data service {name}" in connector.log.read_text()


def test_a_sensor_that_may_not_search_asks_for_its_namespace_unless_all_are_named(
    connector: Connector, projects: list[Kubernetes], start_connector: Callable[..., Connector], tmp_path: Path
) -> None:
    projects[0].run("delete", "clusterrolebinding", f"k8sdataservice-search-{projects[0].namespace}")
    connector.create(config("foo", Replicas=0), execution_in(projects[1]))
    with pytest.raises(grpc.RpcError) as raised:
        Sensor(connector, sensor(), release_name="foo", cleanup_data_service=True).poll()
    assert "ForbiddenError" in raised.value.details()
    assert "CleanupSensor(..., namespace=...)" in raised.value.details()
    assert projects[1].services() == one("foo")
    settings = tmp_path / "settings.yaml"
    allowed = [space.namespace for space in projects]
    settings.write_text(yaml.safe_dump({"namespace": TEMPLATE, "allowedNamespaces": allowed}))
    named = start_connector(K8SDATASERVICE_NAMESPACE="", K8SDATASERVICE_SETTINGS=str(settings))
    polled = Sensor(named, sensor(), release_name="foo", cleanup_data_service=True)
    assert polled.poll() == TaskExecution.SUCCEEDED
    assert projects[1].services() == nothing()
    with pytest.raises(grpc.RpcError) as raised:
        named.create(config("foo", Replicas=0), Execution(project="other", domain="development"))
    assert "namespace is other-development, but the platform's settings allow services in" in raised.value.details()


def test_a_project_without_a_namespace_is_named_and_nothing_is_created(
    connector: Connector, projects: list[Kubernetes]
) -> None:
    for project, words in (
        ("Shop_1", 'which gives "Shop_1-development" for project "Shop_1"'),
        (f"none-{projects[0].namespace}", f"none-{projects[0].namespace}-development"),
    ):
        with pytest.raises(grpc.RpcError) as raised:
            connector.create(config("foo", Replicas=0), Execution(project=project))
        assert words in raised.value.details()


def test_a_command_has_no_execution_and_asks_for_the_namespace(projects: list[Kubernetes]) -> None:
    for command in (["list"], ["delete", "foo"], ["sleep", "foo"], ["wake", "foo"], ["reap"]):
        done = dataservice(projects[0], *command)
        assert done.returncode == 1
        assert "which only an execution of Flyte fills" in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
    done = dataservice(projects[0], "list", "-n", projects[0].namespace)
    assert done.returncode == 0, done.stderr


def dataservice(space: Kubernetes, *options: str) -> subprocess.CompletedProcess[str]:
    variables = environment(space.kubeconfig, TEMPLATE)
    return subprocess.run([PROGRAM, *options], env=variables, capture_output=True, text=True, timeout=60, check=False)
