"""Where the pods of services are that no task has made."""

from __future__ import annotations

import pytest
from flytekitplugins_k8sdataservice import Endpoints, InvalidSpecError, NotFoundError, endpoints
from k8sdataservice.default_client import default_client

from cluster.support.configs import config, web_server
from cluster.support.kubernetes import IMAGE, Kubernetes, Object, wait_until

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(autouse=True)
def _own_client(here: None) -> None:
    default_client.cache_clear()


def stateful_set(name: str, replicas: int, service: str | None, **spec: object) -> Object:
    """Returns a StatefulSet as a Helm chart makes it: its headless Service has another name than itself."""
    labels = {"app.kubernetes.io/instance": "my-release", "app.kubernetes.io/name": name}
    container = {
        "name": "server",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "SERVER_PORT", "value": "6379"}],
        "command": ["sh", "-c", web_server("$(hostname)")],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], **spec}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "serviceName": service or "",
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": template,
        },
    }


def service(name: str, **spec: object) -> Object:
    selector = {"app.kubernetes.io/instance": "my-release"}
    ports = [{"name": "tcp-redis", "port": 6379}]
    spec = {"clusterIP": "None", "selector": selector, "ports": ports} | spec
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def slice_of(service: str, name: str, family: str, *hosts: str, ready: bool = True) -> Object:
    """Returns an EndpointSlice as Kubernetes makes one per family of addresses, and per hundred pods."""
    address = "fd00::{}" if family == "IPv6" else "10.200.0.{}"
    endpoints = [
        {"addresses": [address.format(number + 1)], "hostname": host, "conditions": {"ready": ready}}
        for number, host in enumerate(hosts)
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}},
        "addressType": family,
        "endpoints": endpoints,
        "ports": [{"name": "tcp-redis", "port": 6379, "protocol": "TCP"}],
    }


#: A scheduling gate that keeps the pods of a StatefulSet from running, where their slices are the test's own.
NEVER = {"schedulingGates": [{"name": "example.com/never"}]}


@pytest.mark.usefixtures("real_pods")
def test_the_pods_of_a_helm_chart_are_found_by_the_service_that_it_names(kubernetes: Kubernetes) -> None:
    # Another StatefulSet of the release shares the Service, and its name begins with the first one's.
    kubernetes.apply(
        service("my-release-headless"),
        stateful_set("db", 2, "my-release-headless"),
        stateful_set("db-replicas", 1, "my-release-headless"),
    )
    wait_until(lambda: len(ready(kubernetes)) == 3, "the pods to be ready", 60)
    where = wait_until(lambda: found("db"), "the names of the pods to be published")
    host = f"my-release-headless.{kubernetes.namespace}"
    assert where.addresses == [f"db-0.{host}:6379", f"db-1.{host}:6379"]
    assert where.ports == {"tcp-redis": 6379}
    status = default_client().get_sync("db", namespace=kubernetes.namespace)
    hosts = [endpoint.hostname for endpoint in status.endpoints]
    assert hosts == ["db-0.my-release-headless", "db-1.my-release-headless"], status.message
    asked = kubernetes.in_a_pod("; ".join(f"wget -qO- http://{address}" for address in where.addresses))
    assert asked.split() == ["db-0", "db-1"]


@pytest.mark.usefixtures("real_pods")
def test_a_pod_of_something_else_with_the_labels_of_a_service_is_none_of_its_endpoints(kubernetes: Kubernetes) -> None:
    client = default_client()
    place = {"name": "foo", "namespace": kubernetes.namespace}
    sleeper = {"image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "1000"]}
    labels = {
        "app.kubernetes.io/instance": "foo",
        "app.kubernetes.io/managed-by": "flytekitplugins-k8sdataservice",
    }
    # It claims the host name of a pod of the service.
    spec = {"hostname": "foo-0", "subdomain": "foo", "containers": [{"name": "c", **sleeper}]}
    stranger = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger", "labels": labels}, "spec": spec}
    kubernetes.apply(stranger)
    wait_until(lambda: ready(kubernetes) == ["stranger"], "the stranger to be ready", 60)
    client.create_sync(config("foo", Command=["sleep", "1000"]), namespace=place["namespace"], owner="o", execution="e")
    wait_until(lambda: client.get_sync(**place).phase == "Ready", "the service to be ready", 60)
    status = client.get_sync(**place)
    own = kubernetes.get("pod", "foo-0")
    assert own and [pod.name for pod in status.pods] == ["foo-0"]
    where = [(endpoint.hostname, endpoint.addresses) for endpoint in status.endpoints]
    assert where == [("foo-0.foo", [own["status"]["podIP"]])]
    assert endpoints("foo").hostnames == [f"foo-0.foo.{kubernetes.namespace}"]


def ready(kubernetes: Kubernetes) -> list[str]:
    return [
        pod["metadata"]["name"]
        for pod in kubernetes.objects("pods")
        if any((each["type"], each["status"]) == ("Ready", "True") for each in pod["status"].get("conditions", []))
    ]


def found(name: str) -> Endpoints | None:
    try:
        return endpoints(name)
    except NotFoundError:
        return None


def test_each_pod_is_named_once_whatever_slices_there_are(kubernetes: Kubernetes) -> None:
    kubernetes.apply(
        service("headless", selector=None),
        stateful_set("db", 3, "headless", **NEVER),
        slice_of("headless", "first", "IPv4", "db-2", "db-0"),
        slice_of("headless", "second", "IPv4", "db-1", "other-0"),
        slice_of("headless", "third", "IPv6", "db-0", "db-1", "db-2"),
        slice_of("unrelated", "fourth", "IPv4", "db-7"),
    )
    where = endpoints("db")
    assert where.hostnames == [f"db-{ordinal}.headless.{kubernetes.namespace}" for ordinal in range(3)]
    assert where.port == 6379
    assert endpoints("db", port=1).addresses[0].endswith(":1")


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ([stateful_set("db", 1, None, **NEVER)], "StatefulSet db has no serviceName"),
        ([stateful_set("db", 0, "headless", **NEVER)], "StatefulSet db has 0 replicas."),
        (
            [service("headless", selector=None), stateful_set("db", 2, "headless", **NEVER),
             slice_of("headless", "s", "IPv4", "db-0"), slice_of("headless", "t", "IPv4", "db-1", ready=False)],
            "StatefulSet db has 1 of 2 pods whose name Service headless publishes.",
        ),
        (
            [service("headless", selector=None, clusterIP=""), stateful_set("db", 1, "headless", **NEVER),
             slice_of("headless", "s", "IPv4", "db-0")],
            "Service headless of StatefulSet db is not headless",
        ),
        ([], "StatefulSet db does not exist in namespace"),
    ],
)  # fmt: skip
def test_where_pods_have_no_names_it_is_said_why(kubernetes: Kubernetes, objects: list[Object], words: str) -> None:
    if objects:
        kubernetes.apply(*objects)
    with pytest.raises(NotFoundError) as raised:
        endpoints("db")
    assert str(raised.value).startswith(f"Nothing is known of where data service db is. {words}")


def test_a_cluster_that_is_named_explicitly_must_exist(kubernetes: Kubernetes) -> None:
    with pytest.raises(InvalidSpecError, match='cluster is "nope", but no context of the kubeconfig has that name'):
        endpoints("db", cluster="nope")
