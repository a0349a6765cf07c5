"""Create, over gRPC through a real connector."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cluster.support.configs import config
from cluster.support.connector import Connector, Execution, name_of
from cluster.support.kubernetes import Kubernetes, Object
from cluster.support.objects import foreign_service, foreign_stateful_set, nothing, one, refusal, use_up

MARK = "app.kubernetes.io/managed-by"


def test_every_documented_field_reaches_the_objects(connector: Connector, kubernetes: Kubernetes) -> None:
    execution = Execution()
    connector.create(
        config(
            "all-fields",
            Port=40123,
            Replicas=2,
            Command=["sh", "-c", "sleep 3600"],
            Requests={"cpu": 0.01, "mem": "16Mi", "gpu": "0", "ephemeral_storage": "1Mi"},
            Limits={"cpu": "20m", "mem": "32Mi", "gpu": None, "ephemeral_storage": "2Mi"},
            Cluster="",
            ExistingReleaseName="",
        ),
        execution,
    )
    stateful_set = kubernetes.get("statefulset", "all-fields")
    service = kubernetes.get("service", "all-fields")
    assert stateful_set
    assert service
    pod = stateful_set["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert stateful_set["spec"]["replicas"] == 2
    assert stateful_set["spec"]["serviceName"] == "all-fields"
    assert (container["image"], container["imagePullPolicy"]) == ("busybox:latest", "IfNotPresent")
    assert container["command"] == ["sh", "-c", "sleep 3600"]
    assert container["ports"][0]["containerPort"] == 40123
    assert container["resources"] == {
        "requests": {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "1Mi"},
        "limits": {"cpu": "20m", "memory": "32Mi", "ephemeral-storage": "2Mi"},
    }
    assert {item["name"]: item["value"] for item in container["env"]} == {
        "GE_BASE_PORT": "40123",
        "GE_COUNT": "2",
        "SERVER_PORT": "40123",
    }
    assert pod["securityContext"] == {
        "fsGroup": 1001,
        "runAsUser": 1001,
        "runAsGroup": 1001,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert (service["spec"]["clusterIP"], service["spec"]["ports"][0]["port"]) == ("None", 40123)
    for metadata in (stateful_set["metadata"], service["metadata"]):
        assert metadata["labels"]["app"] == "service-name"
        assert metadata["labels"]["app.kubernetes.io/instance"] == "all-fields"
        assert metadata["labels"]["execution-id"] == execution.name
        assert metadata["annotations"]["team"] == "ml"


def test_fields_that_are_left_out_get_the_documented_defaults(connector: Connector, kubernetes: Kubernetes) -> None:
    # The SDK leaves Requests and Limits out when the user gives none; the second task must not see the first one's.
    connector.create(config("first", Requests={"cpu": "1m", "gpu": "1"}, Limits={"cpu": "1m"}, Replicas=0))
    given = {key: value for key, value in config("second").items() if key not in ("Requests", "Limits")}
    connector.create(given)
    stateful_set = kubernetes.get("statefulset", "second")
    assert stateful_set
    container = stateful_set["spec"]["template"]["spec"]["containers"][0]
    assert stateful_set["spec"]["replicas"] == 1
    assert container["ports"][0]["containerPort"] == 40000
    assert container["resources"] == {
        "requests": {"cpu": "2", "memory": "10G"},
        "limits": {"cpu": "6", "memory": "16G"},
    }


def test_a_gpu_is_asked_for_by_its_kubernetes_name(connector: Connector, kubernetes: Kubernetes) -> None:
    connector.create(config("gpu", Requests={"cpu": "10m", "gpu": 1.0}, Limits=None))
    stateful_set = kubernetes.get("statefulset", "gpu")
    assert stateful_set
    resources = stateful_set["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "10m", "nvidia.com/gpu": "1"}
    assert resources["limits"]["nvidia.com/gpu"] == "1"


def test_the_state_that_flyte_keeps_is_small_and_in_the_known_shape(connector: Connector) -> None:
    long = config("a" * 52, Command=["sh", "-c", "x" * 5000], Image="i" * 500, Replicas=0, Cluster="c" * 253)
    resource_meta = connector.create(long)
    assert len(resource_meta) < 1024
    state = json.loads(resource_meta)
    assert state["name"] == "a" * 52
    assert state["dataservice_config"]["Name"] == "a" * 52


def test_the_same_create_twice_makes_one_service(connector: Connector, kubernetes: Kubernetes) -> None:
    execution = Execution()
    first = connector.create(config(Replicas=0), execution)
    uid = kubernetes.run("get", "statefulsets", "--output", "jsonpath={.items[*].metadata.uid}")
    second = connector.create(config(Replicas=0), execution)
    assert first == second
    assert kubernetes.services() == one(name_of(first))
    assert kubernetes.run("get", "statefulsets", "--output", "jsonpath={.items[*].metadata.uid}") == uid


def test_the_next_attempt_finds_the_service_of_the_one_before(connector: Connector, kubernetes: Kubernetes) -> None:
    execution = Execution()
    first = connector.create(config(Replicas=0), execution)
    second = connector.create(config(Replicas=0), execution.retried())
    assert first == second
    assert kubernetes.services() == one(name_of(first))


def test_fifty_creates_of_one_service_at_once_make_one(connector: Connector, kubernetes: Kubernetes) -> None:
    execution = Execution()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: connector.create(config(Replicas=0), execution), range(50)))
    assert len(set(answers)) == 1
    assert kubernetes.services() == one(name_of(answers[0]))


def test_fifty_different_creates_at_once_are_each_answered_with_their_own_name(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    names = [f"service-{number:02}" for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda name: connector.create(config(name, Replicas=0)), names))
    assert [name_of(answer) for answer in answers] == names
    assert kubernetes.services() == {"statefulsets": names, "services": names}


def test_the_next_create_completes_a_killed_one(connector: Connector, kubernetes: Kubernetes) -> None:
    execution = Execution()
    resource_meta = connector.create(config("halfway", Replicas=0), execution)
    # As if the connector had died between its two requests.
    kubernetes.run("delete", "service", "halfway")
    assert connector.create(config("halfway", Replicas=0), execution) == resource_meta
    assert kubernetes.services() == one("halfway")


def test_a_rejected_stateful_set_leaves_nothing_behind(connector: Connector, kubernetes: Kubernetes) -> None:
    use_up(kubernetes, "count/statefulsets.apps")
    message = refusal(lambda: connector.create(config("rejected")))
    assert "Kubernetes refused to create StatefulSet rejected" in message
    assert "exceeded quota: none-left" in message
    assert kubernetes.services() == nothing()


def test_a_rejected_service_takes_its_stateful_set_with_it(connector: Connector, kubernetes: Kubernetes) -> None:
    use_up(kubernetes, "count/services")
    message = refusal(lambda: connector.create(config("rejected", Replicas=0)))
    assert "Kubernetes refused to create Service rejected" in message
    assert kubernetes.services() == nothing()


def test_a_namespace_that_does_not_exist_is_named(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    # An account with permissions in its own namespace alone does not learn whether another one exists.
    kubeconfig = str(kubernetes.kubeconfig)
    connector = start_connector(KUBECONFIG=kubeconfig, K8SDATASERVICE_NAMESPACE="no-such-namespace")
    message = refusal(lambda: connector.create(config("foo")))
    assert "Namespace no-such-namespace" in message
    assert "kubectl create namespace no-such-namespace" in message


@pytest.mark.parametrize("make", [foreign_stateful_set, foreign_service])
def test_somebody_elses_object_of_that_name_is_refused_and_untouched(
    connector: Connector, kubernetes: Kubernetes, make: Callable[[str], Object]
) -> None:
    kubernetes.apply(make("taken"))
    before = kubernetes.services()
    message = refusal(lambda: connector.create(config("taken", Replicas=0)))
    assert "taken" in message
    assert "belongs to somebody else (its labels are team=somebody-else)" in message
    assert kubernetes.services() == before


def test_the_same_service_asked_for_by_another_run_is_shared(connector: Connector, kubernetes: Kubernetes) -> None:
    first = connector.create(config("shared", Replicas=0))
    second = connector.create(config("shared", Replicas=0))
    assert name_of(first) == name_of(second) == "shared"
    connector.delete(second)
    assert kubernetes.services() == one("shared"), "an abort took a service that another run owns"
    connector.delete(first)
    assert kubernetes.services() == nothing()


def test_another_service_of_that_name_is_a_conflict_that_names_the_differences(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    owner = Execution()
    connector.create(config("taken", Replicas=0), owner)
    message = refusal(lambda: connector.create(config("taken", Replicas=0, Port=40001, Image="busybox:other")))
    assert f"it belongs to execution {owner.name} of project flytesnacks" in message
    assert "Image (busybox:latest there, busybox:other wanted), Port (40000 there, 40001 wanted)" in message
    assert "Replicas" not in message.split("differs in")[1]
    assert kubernetes.services() == one("taken")


def test_a_service_is_made_again_right_after_it_was_deleted(connector: Connector, kubernetes: Kubernetes) -> None:
    for _ in range(3):
        resource_meta = connector.create(config("again", Replicas=0))
        connector.delete(resource_meta)
    connector.create(config("again", Replicas=0))
    service = kubernetes.get("service", "again")
    stateful_set = kubernetes.get("statefulset", "again")
    assert service
    assert stateful_set
    assert service["metadata"]["ownerReferences"][0]["uid"] == stateful_set["metadata"]["uid"]


def test_a_create_replaces_leftovers_of_a_deleted_stateful_set(connector: Connector, kubernetes: Kubernetes) -> None:
    # The plugin before version 2 left its Service behind when its StatefulSet was rejected.
    kubernetes.apply(foreign_service("left", {"app": "service-name", "app.kubernetes.io/instance": "left"}))
    connector.create(config("left", Replicas=0))
    service = kubernetes.get("service", "left")
    assert service
    assert service["spec"]["clusterIP"] == "None"
    assert service["metadata"]["labels"][MARK] == "flytekitplugins-k8sdataservice"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"Image": None}, "Image is missing"),
        ({"Name": "Bad_Name"}, "Name "),
        ({"Name": "x" * 53}, "Name "),
        ({"Replicas": -1}, "Replicas is -1"),
        ({"Replicas": 1.5}, "Replicas is 1.5"),
        ({"Port": 0}, "Port is 0"),
        ({"Port": 70000}, "Port is 70000"),
        ({"Requests": {"mem": "1GB"}}, "Requests.mem is"),
        ({"Requests": {"cpu": "2"}, "Limits": {"cpu": "1"}}, "Requests.cpu is 2, more than Limits.cpu, which is 1"),
        ({"Command": "sleep 1"}, "Command must be a list"),
        ({"ExistingReleaseName": "Not A Name"}, "ExistingReleaseName "),
    ],
)
def test_bad_input_names_the_field_and_makes_nothing(
    shared_connector: Connector, shared_kubernetes: Kubernetes, fields: dict[str, Any], field: str
) -> None:
    message = refusal(lambda: shared_connector.create(config("bad-input") | fields))
    # flytekit sends the whole traceback; the message is its last words.
    assert f"InvalidSpecError: {field}" in message, message
    assert shared_kubernetes.services() == nothing()
