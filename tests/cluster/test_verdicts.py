"""Why a service does not start: each cause, caused for real, and told in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flyteidl.admin import agent_pb2
from flyteidl.core.execution_pb2 import TaskExecution
from google.protobuf import json_format

from cluster.configs import TINY, config
from cluster.connector import Connector
from cluster.kubernetes import Kubernetes, Object, wait_until
from cluster.objects import nothing, one, quota

FAILED = TaskExecution.FAILED
WAITS = TaskExecution.WAITING_FOR_RESOURCES
STARTS = TaskExecution.INITIALIZING


@dataclass(frozen=True)
class Fault:
    """A way to keep a service from starting, and what is to be told of it."""

    reason: str
    phase: int
    words: str
    config: dict[str, Any] = field(default_factory=dict)
    #: What is changed in the pod's specification, which has no field of the configuration yet.
    pod: Object = field(default_factory=dict)


def requests(**amounts: str) -> dict[str, Any]:
    return {"Requests": TINY | amounts, "Limits": None}


def shell(script: str) -> dict[str, Any]:
    return {"Command": ["sh", "-c", script]}


def variable(source: str, name: str, key: str) -> Object:
    return {"env": [{"name": "X", "valueFrom": {source: {"name": name, "key": key}}}]}


QUICK = [
    Fault("ImageNotFound", FAILED, "it does not exist there", {"Image": "registry.example/none:1"}),
    Fault("ImageNameInvalid", FAILED, "that is not the name of an image", {"Image": "Not//A//Name"}),
    Fault("ImagePullThrottled", STARTS, "limits how often", {"Image": "registry.example/throttled:1"}),
    Fault("ImagePullUnauthorized", STARTS, "refuses it to this account", {"Image": "registry.example/forbidden:1"}),
    Fault("RegistryUnreachable", STARTS, "the registry cannot be reached", {"Image": "registry.example/broken:1"}),
    Fault("CommandNotFound", FAILED, '"no-such-program" is not in the image', {"Command": ["no-such-program"]}),
    Fault("CommandNotExecutable", FAILED, '"/etc/passwd" may not be executed', {"Command": ["/etc/passwd"]}),
    Fault(
        "OutOfMemory",
        FAILED,
        "used more memory than its limit. Raise Limits.mem",
        {"Command": ["dd", "if=/dev/zero", "of=/dev/null", "bs=512M"]},
    ),
    Fault("InsufficientCpu", WAITS, "Insufficient cpu", requests(cpu="1000000")),
    Fault("InsufficientMemory", WAITS, "Insufficient memory", requests(mem="1000Ti")),
    Fault("InsufficientGpu", WAITS, "Insufficient nvidia.com/gpu", requests(gpu="1")),
    Fault("NoMatchingNode", WAITS, "No node has the labels", pod={"nodeSelector": {"no": "such-label"}}),
    Fault("SecretMissing", STARTS, 'secret "missing" not found', pod=variable("secretKeyRef", "missing", "k")),
    Fault("ConfigMapMissing", STARTS, 'configmap "missing" not found', pod=variable("configMapKeyRef", "missing", "k")),
    Fault("KeyMissing", STARTS, "couldn't find key k", pod=variable("configMapKeyRef", "kube-root-ca.crt", "k")),
    Fault("ServiceAccountMissing", WAITS, 'serviceaccount "missing" not found', pod={"serviceAccountName": "missing"}),
    Fault("RunsAsRoot", FAILED, "image will run as root", pod={"securityContext": {"runAsNonRoot": True}}),
]

#: These are told after the third restart, for which Kubernetes takes its time, so they run side by side.
SLOW = [
    Fault("ContainerExits", FAILED, "ends with exit code 3.", shell("echo begin; echo the reason; exit 3")),
    Fault("ContainerCompleted", FAILED, "ends by itself, with exit code 0", shell("echo the reason")),
    Fault("InitContainerFailed", FAILED, "Init container first", pod={"initContainers": [
        {
            "name": "first",
            "image": "busybox:latest",
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", "echo the reason; exit 1"],
        }
    ]}),
]  # fmt: skip


def name_of(fault: Fault) -> str:
    return fault.reason.lower()


def bring_up(connector: Connector, kubernetes: Kubernetes, fault: Fault) -> bytes:
    """Makes a service that has the fault."""
    name = name_of(fault)
    if not fault.pod:
        return connector.create(config(name, **fault.config))
    resource_meta = connector.create(config(name, Replicas=0))
    stateful_set = kubernetes.get("statefulset", name)
    assert stateful_set
    pod = dict(fault.pod)
    if "securityContext" in pod:
        stateful_set["spec"]["template"]["spec"]["securityContext"] = {}
    if env := pod.pop("env", None):
        stateful_set["spec"]["template"]["spec"]["containers"][0]["env"] += env
    stateful_set["spec"]["template"]["spec"].update(pod)
    stateful_set["spec"]["replicas"] = 1
    kubernetes.run("replace", "--filename", "-", input=json.dumps(stateful_set))
    return resource_meta


def reason_of(resource: agent_pb2.Resource) -> str:
    return str(json_format.MessageToDict(resource.custom_info)["reason"])


def until_told(connector: Connector, resource_meta: bytes, fault: Fault, timeout: float = 30.0) -> agent_pb2.Resource:
    """Polls until the cause is told, and checks how."""

    def look() -> agent_pb2.Resource | None:
        resource = connector.get(resource_meta)
        told = reason_of(resource) == fault.reason and (fault.phase != FAILED or resource.phase == FAILED)
        assert told or resource.phase not in (FAILED, TaskExecution.SUCCEEDED), resource
        return resource if told else None

    resource = wait_until(look, f"{fault.reason} to be told", timeout)
    assert resource.phase == fault.phase, resource
    assert fault.words in resource.message, resource.message
    return resource


@pytest.mark.usefixtures("real_pods", "local_registry")
@pytest.mark.parametrize("fault", QUICK, ids=name_of)
def test_the_cause_is_told(connector: Connector, kubernetes: Kubernetes, fault: Fault) -> None:
    resource_meta = bring_up(connector, kubernetes, fault)
    until_told(connector, resource_meta, fault)
    left = nothing() if fault.phase == FAILED else one(name_of(fault))
    assert kubernetes.services() == left, "what has failed is taken down, and nothing else"


@pytest.mark.usefixtures("real_pods")
def test_a_process_that_ends_is_told_with_its_last_words(connector: Connector, kubernetes: Kubernetes) -> None:
    services = [(fault, bring_up(connector, kubernetes, fault)) for fault in SLOW]
    for fault, resource_meta in services:
        told = until_told(connector, resource_meta, fault, timeout=120)
        assert told.message.endswith("the reason"), told.message
    assert kubernetes.services() == nothing()


@pytest.mark.usefixtures("real_pods")
def test_a_service_that_dies_at_once_is_never_called_ready(connector: Connector) -> None:
    resource_meta = connector.create(config("brief", Command=["sh", "-c", "sleep 0.5; exit 1"]))
    assert connector.until_done(resource_meta, timeout=120).phase == FAILED


def test_a_failed_service_can_be_kept_for_inspection(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    kubernetes.run("label", "namespace", kubernetes.namespace, "pod-security.kubernetes.io/enforce=restricted")
    connector = start_connector(K8SDATASERVICE_KEEP_FAILED="1")
    resource_meta = connector.create(config("kept"))
    assert connector.until_done(resource_meta).phase == FAILED
    assert kubernetes.services() == one("kept")


def limit_range() -> Object:
    limit = {"type": "Container", "max": {"cpu": "1m"}}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": {"limits": [limit]}}


def webhook(kubernetes: Kubernetes) -> Object:
    """A webhook that is away, and asked about the pods of one namespace only."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    hook = {
        "name": "away.example.com",
        "rules": [rule],
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": kubernetes.namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": kubernetes.namespace},
        "webhooks": [hook],
    }


def test_a_quota_that_is_used_up_is_told(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.apply(quota("pods"))
    resource_meta = connector.create(config("quotaexceeded"))
    until_told(connector, resource_meta, Fault("QuotaExceeded", WAITS, "exceeded quota: none-left"))


def test_a_limit_range_that_refuses_is_told(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.apply(limit_range())
    resource_meta = connector.create(config("limitrangerefused"))
    until_told(connector, resource_meta, Fault("LimitRangeRefused", FAILED, "maximum cpu usage per Container"))
    assert kubernetes.services() == nothing()


def test_a_namespaces_security_level_that_refuses_is_told(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.run("label", "namespace", kubernetes.namespace, "pod-security.kubernetes.io/enforce=restricted")
    resource_meta = connector.create(config("podsecurityrefused"))
    until_told(connector, resource_meta, Fault("PodSecurityRefused", FAILED, "violates PodSecurity"))
    assert kubernetes.services() == nothing()


def test_a_webhook_that_is_away_is_waited_for(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.apply(webhook(kubernetes))
    resource_meta = connector.create(config("webhookunavailable"))
    until_told(connector, resource_meta, Fault("WebhookUnavailable", WAITS, "Kubernetes tries again"))
    kubernetes.run("delete", "validatingwebhookconfiguration", kubernetes.namespace)
    assert kubernetes.services() == one("webhookunavailable")


@pytest.mark.usefixtures("real_pods")
def test_a_cause_that_passes_is_forgotten(connector: Connector, kubernetes: Kubernetes) -> None:
    fault = Fault("ConfigMapMissing", STARTS, "not found", pod=variable("configMapKeyRef", "late", "k"))
    resource_meta = bring_up(connector, kubernetes, fault)
    until_told(connector, resource_meta, fault)
    kubernetes.run("create", "configmap", "late", "--from-literal", "k=v")
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED


@pytest.mark.usefixtures("real_pods")
def test_a_service_is_not_ready_before_its_names_resolve(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("namesnotpublished"))
    # A Service that selects nothing publishes no names, however ready the pods are.
    patch = '{"spec":{"selector":{"app.kubernetes.io/instance":"%s"}}}'
    kubernetes.run("patch", "service", "namesnotpublished", "--patch", patch % "nothing")
    fault = Fault("NamesNotPublished", STARTS, "namesnotpublished-0.namesnotpublished does not resolve yet")
    until_told(connector, resource_meta, fault)
    kubernetes.run("patch", "service", "namesnotpublished", "--patch", patch % "namesnotpublished")
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED
