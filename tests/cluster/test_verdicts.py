"""Why a service does not start: each cause, caused for real, and told in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, Object
from cluster.support.objects import nothing, one, quota
from cluster.support.verdicts import (
    FAILED,
    STARTS,
    WAITS,
    Fault,
    bring_up,
    name_of,
    probe,
    requests,
    shell,
    until_told,
    variable,
    volume,
)

#: A process that says something, stays, and ends at once when it is told to.
SAYS_AND_STAYS = shell("echo the reason; exec sleep 1000")


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
    Fault(
        "PodAffinityUnmatched",
        WAITS,
        "No node has the neighbours",
        pod={
            "affinity": {
                "podAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"labelSelector": {"matchLabels": {"no": "such-pod"}}, "topologyKey": "kubernetes.io/hostname"}
                    ]
                }
            }
        },
    ),
    Fault(
        "NoMatchingNode",
        WAITS,
        "No node has the labels",
        variant="-affinity",
        pod={
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "no-such-label", "operator": "Exists"}]}]
                    }
                }
            }
        },
    ),
    Fault(
        "SchedulingGated",
        WAITS,
        "scheduling gates are removed",
        pod={"schedulingGates": [{"name": "queue.example/wait"}]},
    ),
    Fault("Forbidden", WAITS, "no PriorityClass with name missing", pod={"priorityClassName": "missing"}),
    Fault("ReadinessProbeFails", STARTS, "its readiness probe has not passed", container=probe("readinessProbe")),
    Fault(
        "SecretMissing",
        STARTS,
        'secret "missing" not found',
        variant="-volume",
        **volume(secret={"secretName": "missing"}),
    ),
    Fault(
        "ConfigMapMissing",
        STARTS,
        'configmap "missing" not found',
        variant="-volume",
        **volume(configMap={"name": "missing"}),
    ),
    Fault(
        "VolumeMountFails",
        STARTS,
        "hostPath type check failed",
        **volume(hostPath={"path": "/missing", "type": "Directory"}),
    ),
    Fault("ClaimMissing", WAITS, '"missing" not found', **volume(persistentVolumeClaim={"claimName": "missing"})),
    Fault("SecretMissing", STARTS, 'secret "missing" not found', container=variable("secretKeyRef", "missing", "k")),
    Fault(
        "ConfigMapMissing",
        STARTS,
        'configmap "missing" not found',
        container=variable("configMapKeyRef", "missing", "k"),
    ),
    Fault("KeyMissing", STARTS, "couldn't find key k", container=variable("configMapKeyRef", "kube-root-ca.crt", "k")),
    Fault("ServiceAccountMissing", WAITS, 'serviceaccount "missing" not found', pod={"serviceAccountName": "missing"}),
]

#: These are told after the third restart, for which Kubernetes takes its time, so they run side by side.
SLOW = [
    Fault("LivenessProbeFails", FAILED, "its liveness probe fails", SAYS_AND_STAYS, container=probe("livenessProbe")),
    Fault("StartupProbeFails", FAILED, "its startup probe fails", SAYS_AND_STAYS, container=probe("startupProbe")),
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


@pytest.fixture
def connector(with_connector: Callable[..., Connector]) -> Connector:
    """Returns a connector that calls nothing ready by chance, where a machine is slow to let a service fail."""
    return with_connector("minReadySeconds: 30\nlimits: {hostPaths: [/missing]}\n")


@pytest.mark.usefixtures("real_pods", "local_registry")
@pytest.mark.parametrize("fault", QUICK, ids=name_of)
def test_the_cause_is_told(connector: Connector, kubernetes: Kubernetes, fault: Fault) -> None:
    resource_meta = bring_up(connector, fault)
    until_told(connector, resource_meta, fault)
    left = nothing() if fault.phase == FAILED else one(name_of(fault))
    assert kubernetes.services() == left, "what has failed is taken down, and nothing else"


@pytest.mark.usefixtures("real_pods")
def test_an_image_that_runs_as_root_where_it_may_not_is_told(connector: Connector, kubernetes: Kubernetes) -> None:
    """The configuration cannot say that, so somebody else takes the user away that the plugin has said."""
    resource_meta = connector.create(config("runsasroot", Replicas=0))
    pod = {"securityContext": {"runAsUser": None, "runAsGroup": None}}
    kubernetes.run("patch", "statefulset", "runsasroot", "--patch", json.dumps({"spec": {"template": {"spec": pod}}}))
    kubernetes.run("scale", "statefulset", "runsasroot", "--replicas", "1")
    until_told(connector, resource_meta, Fault("RunsAsRoot", FAILED, "image will run as root"))
    assert kubernetes.services() == nothing()


@pytest.mark.usefixtures("real_pods")
def test_a_process_that_ends_is_told_with_its_last_words(connector: Connector, kubernetes: Kubernetes) -> None:
    services = [(fault, bring_up(connector, fault)) for fault in SLOW]
    for fault, resource_meta in services:
        told = until_told(connector, resource_meta, fault, timeout=120)
        assert told.message.endswith("the reason"), told.message
    assert kubernetes.services() == nothing()


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
    loosened = {"spec": {"hostNetwork": True}}
    resource_meta = connector.create(config("podsecurityrefused", PodTemplate=loosened))
    until_told(connector, resource_meta, Fault("PodSecurityRefused", FAILED, "violates PodSecurity"))
    assert kubernetes.services() == nothing()


def test_a_webhook_that_is_away_is_waited_for(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.apply(webhook(kubernetes))
    resource_meta = connector.create(config("webhookunavailable"))
    until_told(connector, resource_meta, Fault("WebhookUnavailable", WAITS, "Kubernetes tries again"))
    kubernetes.run("delete", "validatingwebhookconfiguration", kubernetes.namespace)
    assert kubernetes.services() == one("webhookunavailable")
