"""Which cluster is used, and with which permissions."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flyteidl.core.execution_pb2 import TaskExecution
from flytekitplugins_k8sdataservice import DataServiceError
from k8sdataservice._core import Client

from cluster.support.account import ACCOUNT, ROLE, give_role
from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.forward_proxy import ForwardProxy
from cluster.support.host_python import with_host_python
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.objects import nothing, one, refusal
from cluster.support.shared import GIVEN


def test_cluster_names_a_context_of_the_kubeconfig(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, env: dict[str, str], tmp_path: Path
) -> None:
    # The current context leads nowhere; only the one that is named leads to the cluster.
    text: dict[str, Any] = json.loads(Path(env["KUBECONFIG"]).read_text())
    text["contexts"][0]["name"] = "the-good-one"
    text["contexts"].append({"name": "nowhere", "context": {"cluster": "nowhere", "user": text["users"][0]["name"]}})
    text["clusters"].append({"name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"}})
    text["current-context"] = "nowhere"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(text))
    connector = start_connector(KUBECONFIG=str(kubeconfig))
    resource_meta = connector.create(config("foo", Replicas=0, Cluster="the-good-one"))
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED
    connector.delete(resource_meta)
    assert kubernetes.services() == nothing()
    assert "UnavailableError" in refusal(lambda: connector.create(config("foo", Replicas=0)))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("way", ["proxy-url http", "proxy-url socks5", "HTTPS_PROXY"])
def test_a_cluster_is_reached_by_way_of_a_proxy(
    way: str, kubernetes: Kubernetes, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text: dict[str, Any] = json.loads(Path(env["KUBECONFIG"]).read_text())
    cluster = text["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    assert server.hostname
    # Only the proxy knows the server by this name.
    login = ("user", "p@ss")
    proxy = ForwardProxy(
        "socks5" if "socks5" in way else "http", login=login, hosts={"kubernetes.test": server.hostname}
    )
    url = proxy.url(("user", "p%40ss"))
    cluster["server"] = f"https://kubernetes.test:{server.port}"
    cluster["tls-server-name"] = server.hostname
    if way == "HTTPS_PROXY":
        monkeypatch.setenv("HTTPS_PROXY", url)
        monkeypatch.setenv("NO_PROXY", "10.0.0.0/8,.svc,127.0.0.1")
    else:
        cluster["proxy-url"] = url
        monkeypatch.setenv("NO_PROXY", "*")
    kubeconfig = tmp_path / "proxied"
    kubeconfig.write_text(json.dumps(text))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    client = Client(timeout=10)
    place: dict[str, Any] = {"namespace": kubernetes.namespace}
    client.create_sync(config("foo", Replicas=0), owner="me", execution="a test", **place)
    assert client.wait_sync("foo", timeout=60, **place).phase == "Ready"
    client.delete_sync("foo", **place)
    assert set(proxy.asked) == {f"kubernetes.test:{server.port}"}
    proxy.close()


@pytest.mark.usefixtures("here")
def test_an_object_too_large_for_the_api_server_is_refused_with_its_largest_fields(kubernetes: Kubernetes) -> None:
    client = Client(timeout=10)
    with pytest.raises(DataServiceError, match=re.escape("Env.BIG (1.7 MB)")) as raised:
        client.create_sync(
            config("foo", Replicas=0, Env={"BIG": "x" * 1_700_000}),
            namespace=kubernetes.namespace,
            owner="me",
            execution="a test",
        )
    assert "This may be temporary" not in str(raised.value)
    assert kubernetes.services() == nothing()


def test_a_cluster_that_no_context_has_means_the_default_one(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("foo", Replicas=0, Cluster="default-cluster"))
    assert kubernetes.services() == one("foo")
    assert "is not a context of the kubeconfig" in connector.log.read_text()
    connector.delete(resource_meta)
    assert kubernetes.services() == nothing()


def test_without_any_configuration_the_error_says_what_to_do(
    start_connector: Callable[..., Connector], tmp_path: Path
) -> None:
    connector = start_connector(KUBECONFIG=str(tmp_path / "missing"))
    message = refusal(lambda: connector.create(config("foo")))
    assert "DataServiceError: No cluster is configured" in message
    assert "Point KUBECONFIG at a kubeconfig" in message


def test_without_the_right_to_watch_each_poll_reads(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    role = tmp_path / "rbac.yaml"
    verbs = "create, get, list, watch, patch, delete"
    assert verbs in ROLE.read_text()
    role.write_text(ROLE.read_text().replace(verbs, "create, get, patch, delete"))
    connector = start_connector()
    kubernetes.run("apply", "--filename", str(role))
    resource_meta = connector.create(config("foo", Replicas=0))
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED
    kubernetes.run("scale", "statefulset", "foo", "--replicas", "3")
    assert "3 pods" in connector.get(resource_meta).message


def test_a_missing_right_is_named(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.run("delete", "rolebinding", "k8sdataservice")
    message = refusal(lambda: connector.create(config("foo")))
    where = f"in namespace {kubernetes.namespace} (Forbidden)"
    assert f"ForbiddenError: Not allowed to create StatefulSet foo {where}" in message
    assert 'Give the account in use the verb "create" on "statefulsets"' in message


@pytest.mark.usefixtures("real_pods")
@pytest.mark.skipif(GIVEN in os.environ, reason="the pod runs this machine's Python, so it has to run on this machine")
def test_inside_a_pod_its_own_cluster_is_used(kubernetes: Kubernetes) -> None:
    give_role(kubernetes)
    kubernetes.apply(python_pod("inside", IN_CLUSTER_SCRIPT, kubernetes.namespace))
    phase = wait_until(
        lambda: (kubernetes.get("pod", "inside") or {})["status"]["phase"] in ("Succeeded", "Failed"), "the pod to end"
    )
    assert phase
    assert "made k8s-dataservice-" in kubernetes.run("logs", "inside")
    assert len(kubernetes.names("statefulsets")) == 1


@pytest.mark.usefixtures("real_pods")
@pytest.mark.skipif(GIVEN in os.environ, reason="the pod runs this machine's Python, so it has to run on this machine")
@pytest.mark.parametrize(
    ("exceptions", "words"),
    [("", "by way of the proxy http://127.0.0.1:1"), ("$(KUBERNETES_SERVICE_HOST)", "made k8s-dataservice-")],
    ids=["HTTPS_PROXY", "NO_PROXY"],
)
def test_inside_a_pod_the_proxy_of_the_environment_is_used(kubernetes: Kubernetes, exceptions: str, words: str) -> None:
    give_role(kubernetes)
    pod = python_pod("inside", IN_CLUSTER_SCRIPT, kubernetes.namespace)
    # Nothing listens there.
    variables = {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": exceptions}
    pod["spec"]["containers"][0]["env"] += [{"name": name, "value": value} for name, value in variables.items()]
    kubernetes.apply(pod)
    wait_until(
        lambda: (kubernetes.get("pod", "inside") or {})["status"]["phase"] in ("Succeeded", "Failed"), "the pod to end"
    )
    # A traceback is wrapped.
    assert words in " ".join(kubernetes.run("logs", "inside").split())


IN_CLUSTER_SCRIPT = """
from flytekitplugins.k8sdataservice.k8s.manager import K8sManager
manager = K8sManager()
manager.set_configs({"Image": "busybox:latest", "Replicas": 0, "Cluster": "default-cluster"})
print("made", manager.create_data_service())
"""


def python_pod(name: str, script: str, namespace: str) -> Object:
    """Returns a pod that runs a script with this machine's Python and this project, as it is installed here."""
    container = {"name": "python", "env": [{"name": "K8SDATASERVICE_NAMESPACE", "value": namespace}]}
    spec = {"serviceAccountName": ACCOUNT, "restartPolicy": "Never", "containers": [container]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": with_host_python(spec, [sys.executable, "-c", script]),
    }
