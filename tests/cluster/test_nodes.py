"""The effects of nodes, and of other pods on them, on a service's pods."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import IMAGE, Kubernetes, Object, wait_until
from cluster.support.verdicts import STARTS, WAITS, Fault, bring_up, name_of, probe, requests, shell, until_reported

#: A process that takes its time to end.
SLOW_TO_GO = shell("trap '' TERM; while true; do sleep 1; done")

#: All pods are on the one node.
pytestmark = pytest.mark.serial


@contextmanager
def tainted(kubernetes: Kubernetes, effect: str) -> Iterator[None]:
    """Keeps pods away from every node."""
    kubernetes.run("taint", "nodes", "--all", f"test/away=now:{effect}")
    try:
        yield
    finally:
        kubernetes.run("taint", "nodes", "--all", f"test/away:{effect}-")


@contextmanager
def node(kubernetes: Kubernetes, name: str, pods: int) -> Iterator[None]:
    """Adds a node on which no kubelet runs."""
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": None}
    room = {"cpu": "4", "memory": "4Gi", "pods": str(pods)}
    labels = {"test/node": name}
    kubernetes.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})
    try:
        status = {"status": {"capacity": room, "allocatable": room, "conditions": [ready]}}
        kubernetes.run("patch", "node", name, "--subresource", "status", "--patch", json.dumps(status))
        yield
    finally:
        kubernetes.run("delete", "node", name)


def only_on(name: str) -> Object:
    """Returns a pod that only this node may take, in whatever state it is."""
    return {"nodeSelector": {"test/node": name}, "tolerations": [{"operator": "Exists"}]}


def runs(pod: Object | None) -> bool:
    containers = pod["status"].get("containerStatuses", []) if pod else []
    return any("running" in container["state"] for container in containers)


def node_of(pod: Object | None) -> str | None:
    return pod["spec"].get("nodeName") if pod else None


def coming_up(connector: Connector, kubernetes: Kubernetes, fault: Fault) -> bytes:
    """Makes a service whose pod runs, is not ready, and takes its time to end, so that it can be seen while it goes."""
    resource_meta = bring_up(connector, replace(fault, container=probe("readinessProbe")))
    pod = f"{name_of(fault)}-0"
    wait_until(lambda: runs(kubernetes.get("pod", pod)), "the pod to run")
    return resource_meta


def test_a_taint_that_keeps_every_pod_away_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    fault = Fault("TaintNotTolerated", WAITS, "untolerated taint")
    with tainted(kubernetes, "NoSchedule"):
        resource_meta = bring_up(connector, fault)
        until_reported(connector, resource_meta, fault)


def test_a_node_that_has_as_many_pods_as_it_may_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    fault = Fault("TooManyPods", WAITS, "Too many pods", pod=only_on("full"))
    with node(kubernetes, "full", pods=0):
        resource_meta = bring_up(connector, fault)
        until_reported(connector, resource_meta, fault)


@pytest.mark.parametrize(
    ("event", "reason", "words"),
    [
        ("TriggeredScaleUp", "ScaleUpInProgress", "The autoscaler is adding a node: what the autoscaler says."),
        ("NotTriggerScaleUp", "InsufficientCpu", "The autoscaler adds no node: what the autoscaler says."),
    ],
)
def test_the_message_of_an_autoscaler_is_reported(
    connector: Connector, kubernetes: Kubernetes, event: str, reason: str, words: str
) -> None:
    """The pod and the scheduler's words are real; this cluster has no autoscaler, so its event is written by hand."""
    fault = Fault(reason, WAITS, words, requests(cpu="1000000"))
    resource_meta = bring_up(connector, fault)
    name = f"{reason.lower()}-0"
    pod = wait_until(lambda: kubernetes.get("pod", name), "the pod")
    kubernetes.apply(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}.autoscaler"},
            "involvedObject": {
                "kind": "Pod",
                "name": name,
                "namespace": kubernetes.namespace,
                "uid": pod["metadata"]["uid"],
            },
            "reason": event,
            "message": "what the autoscaler says",
            "type": "Normal",
            "firstTimestamp": pod["metadata"]["creationTimestamp"],
            "lastTimestamp": pod["metadata"]["creationTimestamp"],
        }
    )
    wait_until(lambda: words in connector.get(resource_meta).message, "the autoscaler's words")
    until_reported(connector, resource_meta, fault)


@pytest.mark.usefixtures("real_pods")
def test_a_pod_that_its_node_turns_away_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    """With a node of its own choice a pod goes past the scheduler, and the kubelet has the last word."""
    chosen = kubernetes.run("get", "nodes", "--output", "jsonpath={.items[0].metadata.name}")
    words = f"was turned away by node {chosen} (OutOfcpu): Node didn't have enough resource: cpu, requested: 1000000"
    fault = Fault("NodeOutOfResources", WAITS, words, requests(cpu="1000"), pod={"nodeName": chosen})
    until_reported(connector, bring_up(connector, fault), fault)


@pytest.mark.usefixtures("real_pods")
def test_a_pod_that_is_evicted_is_waited_for(connector: Connector, kubernetes: Kubernetes) -> None:
    fault = Fault("Evicted", STARTS, "was removed (EvictionByEvictionAPI)", SLOW_TO_GO)
    resource_meta = coming_up(connector, kubernetes, fault)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "evicted-0"}}
    path = f"/api/v1/namespaces/{kubernetes.namespace}/pods/evicted-0/eviction"
    kubernetes.run("create", "--raw", path, "--filename", "-", input=json.dumps(eviction))
    until_reported(connector, resource_meta, fault)


@pytest.mark.usefixtures("real_pods")
def test_a_pod_whose_node_throws_it_out_is_waited_for(connector: Connector, kubernetes: Kubernetes) -> None:
    fault = Fault("NodeLost", STARTS, "was removed (DeletionByTaintManager)", SLOW_TO_GO)
    resource_meta = coming_up(connector, kubernetes, fault)
    with tainted(kubernetes, "NoExecute"):
        until_reported(connector, resource_meta, fault)


@pytest.mark.usefixtures("real_pods")
def test_a_pod_that_gives_way_to_a_more_important_one_is_waited_for(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    nodes = kubernetes.objects("nodes")
    if len(nodes) > 1:
        pytest.skip("On a cluster of several nodes the more important pod finds room elsewhere.")
    cpu = nodes[0]["status"]["allocatable"]["cpu"]
    milli = int(cpu[:-1]) if cpu.endswith("m") else int(cpu) * 1000
    most = f"{milli * 6 // 10}m"
    slow_and_large = SLOW_TO_GO | requests(cpu=most)
    fault = Fault("Preempted", STARTS, "was removed (PreemptionByScheduler)", slow_and_large)
    resource_meta = coming_up(connector, kubernetes, fault)
    important = kubernetes.namespace
    container: Object = {"name": "c", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "60"]}
    container["resources"] = {"requests": {"cpu": most}}
    kubernetes.apply(
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": important}, "value": 1000}
    )
    try:
        kubernetes.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "important"},
                "spec": {"priorityClassName": important, "containers": [container]},
            }
        )
        until_reported(connector, resource_meta, fault)
    finally:
        kubernetes.run("delete", "priorityclass", important)


def test_a_node_that_falls_silent_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    """Nobody speaks for the node, so that Kubernetes itself calls it lost after its grace period of 50 seconds."""
    with node(kubernetes, "silent", pods=10):
        fault = Fault("NodeLost", STARTS, "Node silent of pod nodelost-0 does not answer", pod=only_on("silent"))
        resource_meta = bring_up(connector, fault)
        wait_until(lambda: node_of(kubernetes.get("pod", "nodelost-0")), "the pod's node")
        ready = {"type": "Ready", "status": "True"}
        container = {
            "name": "nodelost",
            "image": IMAGE,
            "imageID": "",
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {}},
        }
        status = {"status": {"phase": "Running", "conditions": [ready], "containerStatuses": [container]}}
        kubernetes.run("patch", "pod", "nodelost-0", "--subresource", "status", "--patch", json.dumps(status))
        until_reported(connector, resource_meta, fault, timeout=120)
        kubernetes.run("delete", "pod", "nodelost-0", "--force", "--grace-period", "0")


def test_a_pod_that_something_holds_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("podterminating"))
    wait_until(lambda: kubernetes.get("pod", "podterminating-0"), "the pod")
    hold = '{"metadata":{"finalizers":["example.com/hold"]}}'
    kubernetes.run("patch", "pod", "podterminating-0", "--patch", hold)
    kubernetes.run("delete", "pod", "podterminating-0", "--wait=false", "--grace-period", "1")
    try:
        until_reported(
            connector, resource_meta, Fault("PodTerminating", STARTS, "The finalizer example.com/hold holds it.")
        )
    finally:
        let_go = '{"metadata":{"finalizers":null}}'
        kubernetes.run("patch", "pod", "podterminating-0", "--patch", let_go)


def test_a_rollout_that_waits_for_what_it_should_replace_is_reported(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    labels = {"app": "theirs"}
    container = {"name": "c", "image": "Not//A//Name", "resources": {"requests": {"cpu": "1m"}}}
    kubernetes.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "theirs"},
            "spec": {
                "replicas": 1,
                "serviceName": "theirs",
                "selector": {"matchLabels": labels},
                # No node takes it, so that the pod is never ready.
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [container], "nodeSelector": {"no": "node"}},
                },
            },
        }
    )
    wait_until(lambda: kubernetes.get("pod", "theirs-0"), "the first revision's pod")
    kubernetes.run(
        "patch",
        "statefulset",
        "theirs",
        "--type",
        "json",
        "--patch",
        '[{"op":"remove","path":"/spec/template/spec/nodeSelector"}]',
    )
    resource_meta = connector.create({"ExistingReleaseName": "theirs"})
    until_reported(connector, resource_meta, Fault("RolloutStuck", STARTS, "`kubectl delete pod theirs-0`"))
