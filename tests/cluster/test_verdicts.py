"""Why a service does not start: each cause, caused for real, and reported in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cluster.support.admission import probe_pod, wait_for_admission
from cluster.support.configs import LIMITS, TINY, config
from cluster.support.connector import Connector
from cluster.support.kubernetes import IMAGE, Kubernetes, Object, wait_until
from cluster.support.objects import foreign_service, foreign_stateful_set, nothing, one, refusal, use_up
from cluster.support.verdicts import (
    ARCHITECTURE,
    FAILED,
    FOREIGN,
    STARTS,
    WAITS,
    Fault,
    bring_up,
    name_of,
    probe,
    requests,
    shell,
    until_reported,
    variable,
    volume,
)

#: A process that says something, stays, and ends at once when it is asked to.
SAYS_AND_STAYS = shell("echo the reason; exec sleep 1000")

#: Images that do not exist, with codes and words of other errors in their names.
CODE_IN_TAG = "registry.example:5000/none/model:20240429"
WORDS_IN_NAME = "timeout.example:503/tls/eof-unauthorized:429"

#: The fields that make a container of a PodTemplate run the local image.
LOCAL = {"image": IMAGE, "imagePullPolicy": "IfNotPresent"}

NO_PROGRAM = {"command": ["no-such-program"]}
#: A process that takes more memory than it may.
GREEDY = {
    "command": ["dd", "if=/dev/zero", "of=/dev/null", "bs=512M"],
    "resources": {"limits": {"memory": "16Mi"}},
}
#: So little that nothing starts.
LITTLE = {"mem": "1Mi"}


def shells(script: str) -> Object:
    """Returns what makes a container run a script."""
    return {"command": ["sh", "-c", script]}


def beside(field: str, container: Object) -> dict[str, Any]:
    """Returns a configuration with another container."""
    return {field: [{"name": "other", **container}]}


QUICK = [
    Fault("ImageNotFound", FAILED, "it does not exist there", {"Image": "registry.example/none:1"}),
    Fault("ImageNameInvalid", FAILED, "that is not the name of an image", {"Image": "Not//A//Name"}),
    Fault("ImagePullThrottled", STARTS, "limits how often", {"Image": "registry.example/throttled:1"}),
    Fault("ImagePullUnauthorized", STARTS, "refuses it to this account", {"Image": "registry.example/forbidden:1"}),
    Fault("RegistryUnreachable", STARTS, "the registry cannot be reached", {"Image": "registry.example/broken:1"}),
    Fault("CommandNotFound", FAILED, '"no-such-program" is not in the image', {"Command": ["no-such-program"]}),
    Fault("CommandNotExecutable", FAILED, 'lacks permission to execute "/etc/passwd"', {"Command": ["/etc/passwd"]}),
    Fault("ImageNotFound", FAILED, "it does not exist there", {"Image": CODE_IN_TAG}, variant="-code-in-tag"),
    Fault("ImageNotFound", FAILED, "it does not exist there", {"Image": WORDS_IN_NAME}, variant="-words-in-name"),
    Fault("ImagePullUnauthorized", STARTS, "403 Forbidden", {"Image": "r.example/forbidden/a:429"}, variant="-429"),
    Fault("ImagePlatformMismatch", FAILED, "it has no image for the platform of node", {"Image": FOREIGN}),
    Fault(
        "ImagePlatformMismatch",
        FAILED,
        f"it has no image for linux/{ARCHITECTURE}, which node",
        {"Image": FOREIGN, "NodeSelector": {"kubernetes.io/arch": ARCHITECTURE}},
        variant="-known",
    ),
    Fault(
        "CommandNotFound", FAILED, "Correct Sidecars[0].command.", beside("Sidecars", NO_PROGRAM), variant="-sidecar"
    ),
    Fault(
        "CommandNotFound",
        FAILED,
        "Correct InitContainers[0].command.",
        beside("InitContainers", NO_PROGRAM),
        variant="-init",
    ),
    Fault(
        "CommandNotFound",
        FAILED,
        "Correct PodTemplate.spec.containers[other].command.",
        {"PodTemplate": {"spec": {"containers": [{"name": "primary"}, {"name": "other", **LOCAL, **NO_PROGRAM}]}}},
        variant="-template",
    ),
    Fault(
        "ImageNotFound",
        FAILED,
        "of sidecar other (Sidecars[0]): it does not exist there. Correct Sidecars[0].image",
        beside("Sidecars", {"image": "registry.example/none:1"}),
        variant="-sidecar",
    ),
    Fault(
        "OutOfMemory",
        FAILED,
        "Raise Sidecars[0].resources.limits.memory.",
        beside("Sidecars", GREEDY),
        variant="-sidecar",
    ),
    Fault(
        "ReadinessProbeFails",
        STARTS,
        "Correct Sidecars[0].readinessProbe or the service.",
        beside("Sidecars", {"command": ["sleep", "1000"], **probe("readinessProbe")}),
        variant="-sidecar",
    ),
    Fault(
        "SecretMissing",
        STARTS,
        "correct its name in Sidecars[0].env[X].",
        beside("Sidecars", variable("secretKeyRef", "missing", "k")),
        variant="-sidecar",
    ),
    Fault(
        "SecretMissing",
        STARTS,
        "correct its name in EnvFrom[0].",
        {"EnvFrom": [{"secretRef": {"name": "missing"}}]},
        variant="-envfrom",
    ),
    Fault(
        "MemoryLimitTooSmall", FAILED, "(memory limit too low?)", {"Requests": TINY | LITTLE, "Limits": LIMITS | LITTLE}
    ),
    Fault(
        "ReadinessGateClosed",
        STARTS,
        "waits for the readiness gate example.com/load-balancer, which no controller has set.",
        pod={"readinessGates": [{"conditionType": "example.com/load-balancer"}]},
    ),
    Fault(
        "PodNotSupportedByNode",
        FAILED,
        "(SysctlForbidden): forbidden sysctl",
        pod={"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
    ),
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

#: These are reported after the third restart, which takes Kubernetes a while, so they run side by side.
SLOW = [
    Fault("LivenessProbeFails", FAILED, "its liveness probe fails", SAYS_AND_STAYS, container=probe("livenessProbe")),
    Fault("StartupProbeFails", FAILED, "its startup probe fails", SAYS_AND_STAYS, container=probe("startupProbe")),
    Fault("ContainerExits", FAILED, "exited with code 3.", shell("echo begin; echo the reason; exit 3")),
    Fault("ContainerCompleted", FAILED, "exited with code 0", shell("echo the reason")),
    Fault(
        "ContainerExits",
        FAILED,
        "Sidecar other (Sidecars[0]) of pod containerexits-sidecar-0 exited with code 3.",
        beside("Sidecars", shells("echo begin; echo the reason; exit 3")),
        variant="-sidecar",
    ),
    Fault(
        "ContainerCompleted",
        FAILED,
        "run Sidecars[0].command in the foreground",
        beside("Sidecars", shells("echo the reason")),
        variant="-sidecar",
    ),
    Fault(
        "LivenessProbeFails",
        FAILED,
        "Correct Sidecars[0].livenessProbe or the service.",
        beside("Sidecars", {**shells("echo the reason; exec sleep 1000"), **probe("livenessProbe")}),
        variant="-sidecar",
    ),
    Fault(
        "StartupProbeFails",
        FAILED,
        "correct Sidecars[0].startupProbe.",
        beside("Sidecars", {**shells("echo the reason; exec sleep 1000"), **probe("startupProbe")}),
        variant="-sidecar",
    ),
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
def test_the_cause_is_reported(connector: Connector, kubernetes: Kubernetes, fault: Fault) -> None:
    resource_meta = bring_up(connector, fault)
    until_reported(connector, resource_meta, fault)
    left = nothing() if fault.phase == FAILED else one(name_of(fault))
    assert kubernetes.services() == left, "what has failed is taken down, and nothing else"


@pytest.mark.usefixtures("real_pods")
def test_an_image_that_runs_as_root_where_it_may_not_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    """The configuration cannot say that, so somebody else takes the user away that the plugin has said."""
    resource_meta = connector.create(config("runsasroot", Replicas=0))
    pod = {"securityContext": {"runAsUser": None, "runAsGroup": None}}
    kubernetes.run("patch", "statefulset", "runsasroot", "--patch", json.dumps({"spec": {"template": {"spec": pod}}}))
    kubernetes.run("scale", "statefulset", "runsasroot", "--replicas", "1")
    until_reported(connector, resource_meta, Fault("RunsAsRoot", FAILED, "image will run as root"))
    assert kubernetes.services() == nothing()


@pytest.mark.long
@pytest.mark.usefixtures("real_pods")
def test_a_process_that_ends_is_reported_with_its_last_words(connector: Connector, kubernetes: Kubernetes) -> None:
    services = [(fault, bring_up(connector, fault)) for fault in SLOW]
    # A program that the kernel does not know the format of: its container starts, and ends at once.
    kubernetes.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p"}, "data": {"program": "no program"}}
    )
    mounted = {"name": "p", "mountPath": "/p", "configMap": {"name": "p", "defaultMode": 0o755}}
    resource_meta = connector.create(config("unknown-format", Command=["/p/program"], Volumes=[mounted]))
    reported = connector.until_done(resource_meta, timeout=120)
    assert reported.phase == FAILED and "is made for another processor architecture" in reported.message, (
        reported.message
    )
    for fault, resource_meta in services:
        reported = until_reported(connector, resource_meta, fault, timeout=120)
        assert reported.message.endswith("the reason"), reported.message
    assert kubernetes.services() == nothing()


@contextmanager
def runtime_class(kubernetes: Kubernetes, handler: str) -> Iterator[str]:
    """Makes a RuntimeClass, which belongs to the whole cluster."""
    name = kubernetes.namespace
    made = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": handler}
    kubernetes.apply(made)
    try:
        yield name
    finally:
        kubernetes.run("delete", "runtimeclass", name)


@pytest.mark.usefixtures("real_pods")
def test_a_runtime_class_whose_handler_the_node_lacks_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    with runtime_class(kubernetes, "no-such-handler") as name:
        fault = Fault(
            "RuntimeHandlerMissing",
            STARTS,
            'no runtime for "no-such-handler" is configured. The node does not have the handler',
            {"RuntimeClass": name},
        )
        until_reported(connector, bring_up(connector, fault), fault)


@pytest.mark.usefixtures("real_pods")
def test_a_readiness_gate_that_its_controller_keeps_closed_is_reported(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    """The gate's controller is played by hand."""
    gate = "example.com/load-balancer"
    fault = Fault(
        "ReadinessGateClosed",
        STARTS,
        f"{gate}, which its controller has set to False (Unhealthy): The target fails its health checks.",
        pod={"readinessGates": [{"conditionType": gate}]},
    )
    resource_meta = bring_up(connector, fault)
    pod = f"{name_of(fault)}-0"
    wait_until(lambda: kubernetes.get("pod", pod), "the pod")
    said = {"type": gate, "status": "False", "reason": "Unhealthy", "message": "The target fails its health checks."}
    kubernetes.run(
        "patch", "pod", pod, "--subresource", "status", "--patch", json.dumps({"status": {"conditions": [said]}})
    )
    until_reported(connector, resource_meta, fault)


def limit_range(limit: Object | None = None) -> Object:
    limit = limit or {"type": "Container", "max": {"cpu": "1m"}}
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


def test_a_quota_that_is_used_up_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    use_up(kubernetes, "pods")
    resource_meta = connector.create(config("quotaexceeded"))
    until_reported(connector, resource_meta, Fault("QuotaExceeded", WAITS, "exceeded quota: none-left"))


def test_a_limit_range_that_refuses_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.apply(limit_range())
    wait_for_admission(kubernetes, probe_pod(), "maximum cpu usage per Container")
    resource_meta = connector.create(config("limitrangerefused"))
    until_reported(connector, resource_meta, Fault("LimitRangeRefused", FAILED, "maximum cpu usage per Container"))
    assert kubernetes.services() == nothing()


def test_a_namespaces_security_level_that_refuses_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.run("label", "namespace", kubernetes.namespace, "pod-security.kubernetes.io/enforce=restricted")
    wait_for_admission(kubernetes, probe_pod(), "violates PodSecurity")
    loosened = {"spec": {"hostNetwork": True}}
    resource_meta = connector.create(config("podsecurityrefused", PodTemplate=loosened))
    until_reported(connector, resource_meta, Fault("PodSecurityRefused", FAILED, "violates PodSecurity"))
    assert kubernetes.services() == nothing()


def test_a_webhook_that_is_away_is_waited_for(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.apply(webhook(kubernetes))
    wait_for_admission(kubernetes, probe_pod(), "away.example.com")
    resource_meta = connector.create(config("webhookunavailable"))
    until_reported(connector, resource_meta, Fault("WebhookUnavailable", WAITS, "Kubernetes tries again"))
    kubernetes.run("delete", "validatingwebhookconfiguration", kubernetes.namespace)
    assert kubernetes.services() == one("webhookunavailable")


def claiming(reason: str) -> dict[str, Any]:
    """Returns a configuration with a claim template."""
    return config(reason, VolumeClaimTemplates=[{"name": "data", "mountPath": "/data", "size": "1Mi"}])


def test_a_quota_that_leaves_no_claim_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    use_up(kubernetes, "persistentvolumeclaims")
    resource_meta = connector.create(claiming("quotaexceeded"))
    fault = Fault("QuotaExceeded", WAITS, "PersistentVolumeClaim data-quotaexceeded-0 of pod quotaexceeded-0: ")
    reported = until_reported(connector, resource_meta, fault)
    assert "Ask for less in VolumeClaimTemplates[0]" in reported.message, reported.message


def test_a_limit_range_that_refuses_a_claim_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    kubernetes.apply(limit_range({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}}))
    resource_meta = connector.create(claiming("limitrangerefused"))
    fault = Fault("LimitRangeRefused", FAILED, "PersistentVolumeClaim data-limitrangerefused-0")
    message = until_reported(connector, resource_meta, fault).message
    assert "Change VolumeClaimTemplates[0].size to what the namespace's LimitRange allows." in message, message
    assert kubernetes.services() == nothing()


@contextmanager
def policy(kubernetes: Kubernetes, groups: str, resources: str, probe: Object) -> Iterator[None]:
    """Makes a policy that refuses objects of a kind in one namespace."""
    name = kubernetes.namespace
    admission = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    rule = {"apiGroups": [groups], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resources]}
    validation = {"expression": "false", "message": "none of these"}
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    kubernetes.apply(
        admission
        | {
            "kind": "ValidatingAdmissionPolicy",
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [validation],
            },
        },
        admission
        | {
            "kind": "ValidatingAdmissionPolicyBinding",
            "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": here},
        },
    )
    try:
        wait_for_admission(kubernetes, probe, "none of these")
        yield
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            kubernetes.run("delete", kind, name)


def test_a_policy_that_refuses_a_claim_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "probe"}, "spec": spec}
    with policy(kubernetes, "", "persistentvolumeclaims", claim):
        resource_meta = connector.create(claiming("admissionrefused"))
        words = "A policy of the cluster does not allow this PersistentVolumeClaim."
        reported = until_reported(connector, resource_meta, Fault("AdmissionRefused", FAILED, words))
    assert "none of these" in reported.message, reported.message
    assert kubernetes.services() == nothing()


@pytest.mark.parametrize(
    ("kind", "groups", "resources"), [("StatefulSet", "apps", "statefulsets"), ("Service", "", "services")]
)
def test_a_policy_that_refuses_an_object_of_the_service_names_it(
    connector: Connector, kubernetes: Kubernetes, kind: str, groups: str, resources: str
) -> None:
    probe = foreign_stateful_set("probe") if kind == "StatefulSet" else foreign_service("probe")
    with policy(kubernetes, groups, resources, probe):
        words = refusal(lambda: connector.create(config("refused")))
    assert f"{kind} refused" in words and "none of these" in words, words
    assert "pod" not in words, words
    assert kubernetes.services() == nothing()
