"""The effects of the platform's settings on services, through a connector on a real API server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.account import give_role
from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, Object
from cluster.support.objects import nothing, one, refusal
from cluster.support.polled_sensor import Sensor, sensor

Start = Callable[[Object], Connector]


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Returns the path of the connector's settings."""
    return tmp_path / "settings.yaml"


@pytest.fixture
def start(start_connector: Callable[..., Connector], settings: Path) -> Start:
    """Returns a function that starts a connector with settings."""

    def start(values: Object) -> Connector:
        settings.write_text(yaml.safe_dump(values, sort_keys=False))
        return start_connector(K8SDATASERVICE_SETTINGS=str(settings))

    return start


@pytest.fixture
def elsewhere(kubernetes: Kubernetes) -> Iterator[Kubernetes]:
    """Returns another namespace, in which the connector has the same permissions."""
    other = Kubernetes(kubernetes.kubectl, kubernetes.kubeconfig, f"{kubernetes.namespace}-b")
    other.create_namespace()
    give_role(other)
    subjects = f'[{{"op":"replace","path":"/subjects/0/namespace","value":"{kubernetes.namespace}"}}]'
    other.run("patch", "rolebinding", "k8sdataservice", "--type", "json", "--patch", subjects)
    yield other
    other.delete_namespace()


def pod_of(kubernetes: Kubernetes, name: str) -> Object:
    stateful_set = kubernetes.get("statefulset", name)
    assert stateful_set
    pod: Object = stateful_set["spec"]["template"]["spec"]
    return pod


def template(**spec: Any) -> Object:
    return {"spec": spec}


def test_defaults_and_forced_values_arrive(start: Start, kubernetes: Kubernetes) -> None:
    connector = start(
        {
            "defaults": {
                "Requests": {"cpu": "20m", "mem": "32Mi"},
                "PodTemplate": template(nodeSelector={"pool": "services"}),
            },
            "forced": {"Limits": {"ephemeral_storage": "1Gi"}},
        }
    )
    fields = {"Requests": None, "Limits": {"mem": "16Mi"}, "Replicas": 0}
    connector.create(config("foo", **fields, PodTemplate=template(priorityClassName="system-node-critical")))
    pod = pod_of(kubernetes, "foo")
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "20m", "memory": "16Mi"},
        "limits": {"memory": "16Mi", "ephemeral-storage": "1Gi"},
    }
    assert pod["nodeSelector"] == {"pool": "services"}
    assert pod["priorityClassName"] == "system-node-critical"


def test_metadata_of_the_platform_and_of_the_user_both_arrive(start: Start, kubernetes: Kubernetes) -> None:
    spot = {"key": "spot", "operator": "Exists"}
    gpu = {"key": "gpu", "operator": "Exists"}
    connector = start(
        {
            "defaults": {
                "Labels": {"team": "nobody", "cost": "unknown"},
                "NodeSelector": {"pool": "services"},
                "ServiceAccount": "default",
            },
            "forced": {
                "Labels": {"zone": "a"},
                "Annotations": {"example.com/contact": "platform"},
                "Tolerations": [spot],
                "SecurityContext": {"readOnlyRootFilesystem": True},
                "ImagePullSecrets": ["registry"],
            },
        }
    )
    connector.create(config("foo", Replicas=0, Labels={"team": "graph"}, Tolerations=[gpu]))
    for kind in ("statefulset", "service"):
        metadata = (kubernetes.get(kind, "foo") or {})["metadata"]
        assert {key: metadata["labels"].get(key) for key in ("team", "cost", "zone")} == {
            "team": "graph",
            "cost": "unknown",
            "zone": "a",
        }
        assert metadata["annotations"]["example.com/contact"] == "platform"
    pod = pod_of(kubernetes, "foo")
    assert sorted(pod["tolerations"], key=str) == sorted([gpu, spot], key=str)
    assert pod["nodeSelector"] == {"pool": "services"}
    assert pod["serviceAccountName"] == "default"
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    for fields, words in [
        ({"Labels": {"zone": "b"}}, "Labels.zone is"),
        ({"SecurityContext": {"readOnlyRootFilesystem": False}}, "SecurityContext.readOnlyRootFilesystem is"),
        ({"Annotations": {"example.com/contact": "me"}}, "Annotations.example.com/contact is"),
    ]:
        message = refusal(lambda fields=fields: connector.create(config("bar", **fields)))  # type: ignore[misc]
        assert f"InvalidSpecError: {words}" in message
    assert kubernetes.services() == one("foo")


def test_a_service_that_contradicts_what_is_forced_is_refused(
    start: Start, kubernetes: Kubernetes, settings: Path
) -> None:
    connector = start({"forced": {"Limits": {"cpu": "50m"}}})
    message = refusal(lambda: connector.create(config("foo", Limits={"cpu": "1"})))
    words = f"Limits.cpu is 1, but the platform's settings force it to 50m: {settings}, line 3. Leave it out."
    assert f"InvalidSpecError: {words}" in message
    assert kubernetes.services() == nothing()


def test_settings_that_change_strand_no_service(start: Start, kubernetes: Kubernetes) -> None:
    first = start({})
    second = start({"defaults": {"Requests": {"ephemeral_storage": "1Mi"}}, "minReadySeconds": 9})
    first.create(config("foo", Replicas=0))
    # The same service, for another execution.
    shared = second.create(config("foo", Replicas=0))
    assert second.until_done(shared).phase == TaskExecution.SUCCEEDED
    assert kubernetes.services() == one("foo")


@pytest.mark.parametrize(
    ("limits", "fields", "words"),
    [
        ({"replicas": 2}, {"Replicas": 3}, "Replicas is 3, more than the 2 that"),
        ({"perPod": {"cpu": "15m"}}, {"PodTemplate": template(containers=[{
            "name": "side", "image": "busybox", "resources": {"requests": {"cpu": "10m"}},
        }])}, "Requests.cpu is 20m in each pod, more than the 15m that"),
        ({"total": {"mem": "32Mi"}}, {"Replicas": 3}, "Requests.mem is 16Mi in each of 3 pods, together 48Mi, more"),
        ({"imageRegistries": ["registry.example"]}, {}, 'Image is "busybox:latest", but the platform\'s settings'),
        ({"imageRegistries": ["docker.io/library"]}, {"PodTemplate": template(initContainers=[{
            "name": "first", "image": "evil.example/x",
        }])}, 'PodTemplate.spec.initContainers[0].image is "evil.example/x", but'),
        ({"hostPaths": ["/mnt/data"]}, {"PodTemplate": template(volumes=[{
            "name": "v", "hostPath": {"path": "/mnt/database"},
        }])}, 'PodTemplate.spec.volumes[0].hostPath.path is "/mnt/database", and the platform lets'),
    ],
)  # fmt: skip
def test_an_exceeded_limit_is_refused_with_its_origin(
    start: Start, kubernetes: Kubernetes, settings: Path, limits: Object, fields: Object, words: str
) -> None:
    connector = start({"limits": limits})
    message = refusal(lambda: connector.create(config("foo", **fields)))
    assert f"InvalidSpecError: {words}" in message
    assert f": {settings}, line " in message
    assert kubernetes.services() == nothing()


def test_folders_of_nodes_are_mounted_only_where_the_platform_allows_it(
    connector: Connector, start: Start, kubernetes: Kubernetes
) -> None:
    volume = {"name": "v", "hostPath": {"path": "/mnt/data/models"}}
    service = config("foo", Replicas=0, PodTemplate=template(volumes=[volume]))
    message = refusal(lambda: connector.create(service))
    assert "the platform does not let pods mount folders of their nodes" in message
    assert kubernetes.services() == nothing()
    start({"limits": {"hostPaths": ["/mnt/data"]}}).create(service)
    assert pod_of(kubernetes, "foo")["volumes"][0]["hostPath"]["path"] == "/mnt/data/models"


def test_a_variable_that_cannot_be_read_keeps_the_connector_from_starting(
    start_connector: Callable[..., Connector],
) -> None:
    with pytest.raises(AssertionError, match="The connector ended") as ended:
        start_connector(K8SDATASERVICE_GRACE_PERIODS="ImageNotfound=1m")
    words = "gracePeriods.ImageNotfound is an unknown reason; did you mean `ImageNotFound`?"
    assert str(ended.value).strip().endswith(f"K8SDATASERVICE_GRACE_PERIODS: {words}")


def test_services_live_in_allowed_namespaces_only(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, settings: Path
) -> None:
    settings.write_text("namespace: ml-a\nallowedNamespaces: [ml-*]\n")
    with pytest.raises(AssertionError, match="The connector ended") as ended:
        start_connector(K8SDATASERVICE_SETTINGS=str(settings))
    words = f"namespace is {kubernetes.namespace}, which allowedNamespaces does not have: ml-*."
    assert f"K8SDATASERVICE_NAMESPACE: {words}" in str(ended.value)
    settings.write_text(f"allowedNamespaces: ['{kubernetes.namespace[:-3]}*']\n")
    connector = start_connector(K8SDATASERVICE_SETTINGS=str(settings))
    connector.create(config("foo", Replicas=0))
    assert kubernetes.services() == one("foo")


def test_clusters_have_names_and_namespaces(
    start: Start, kubernetes: Kubernetes, elsewhere: Kubernetes, env: dict[str, str], tmp_path: Path, settings: Path
) -> None:
    kubeconfig = tmp_path / "west.yaml"
    kubeconfig.write_text(Path(env["KUBECONFIG"]).read_text())
    west = {"kubeconfig": str(kubeconfig), "namespace": elsewhere.namespace}
    connector = start({"clusters": {"west": west, "home": {}, "lost": {"kubeconfig": str(tmp_path / "missing")}}})

    there = connector.create(config("foo", Replicas=0, Cluster="west"))
    here = connector.create(config("bar", Replicas=0, Cluster="home"))
    assert (elsewhere.services(), kubernetes.services()) == (one("foo"), one("bar"))
    for resource_meta in (there, here):
        assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED

    # A kubeconfig that is changed, as when its token is renewed, is read again.
    text = kubeconfig.read_text()
    kubeconfig.write_text("{}")
    time.sleep(1.1)  # It is looked at once a second.
    assert "which the platform's settings name, has no current context" in refusal(
        lambda: connector.create(config("foo2", Replicas=0, Cluster="west"))
    )
    kubeconfig.write_text(text)
    time.sleep(1.1)
    # The sensor knows the name and the cluster alone.
    polled = Sensor(connector, sensor(), release_name="foo", cleanup_data_service=True, cluster="west")
    assert polled.poll() == TaskExecution.SUCCEEDED
    connector.delete(here)
    assert (elsewhere.services(), kubernetes.services()) == (nothing(), nothing())

    unknown = refusal(lambda: connector.create(config("foo", Cluster="east")))
    words = 'Cluster is "east", but the platform\'s settings know home, lost, west only'
    assert f"InvalidSpecError: {words}: {settings}, line 1." in unknown
    lost = refusal(lambda: connector.create(config("foo", Cluster="lost")))
    assert f"The kubeconfig {tmp_path / 'missing'}, which the platform's settings name, cannot be used" in lost
    connector.create(config("baz", Replicas=0))
    assert kubernetes.services() == one("baz")
