"""Configurations that run, one for each way of saying something. They share one namespace and one small node."""

from __future__ import annotations

from typing import Any

from cluster.support.configs import web_server
from cluster.support.kubernetes import IMAGE
from cluster.support.plan_cases.doomed import container, namespaced, pod

#: The objects that they name.
BESIDE = (
    namespaced("Secret", "database", stringData={"user": "u", "password": "a-secret-value"}),
    namespaced("ConfigMap", "settings", data={"COLOUR": "blue", "file.txt": "text"}),
    namespaced("ServiceAccount", "worker"),
    namespaced(
        "PersistentVolumeClaim",
        "disk",
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    ),
)


def said(check: str, **fields: Any) -> dict[str, Any]:
    """Returns fields with a command that ends at once where a check fails, so that the pod is never ready."""
    return {"Command": ["sh", "-c", f"set -e; {check}; {web_server('ready')}"]} | fields


def mounted(check: str, source: dict[str, Any], **mount: Any) -> dict[str, Any]:
    """Returns fields with a volume at /v."""
    template = pod(
        volumes=[{"name": "v", **source}],
        containers=[{"name": "primary", "volumeMounts": [{"name": "v", "mountPath": "/v", **mount}]}],
    )
    return said(check) | template


def variable(name: str, **source: Any) -> dict[str, Any]:
    """Returns fields with a variable from elsewhere."""
    return container(env=[{"name": name, "valueFrom": source}])


SMALL = {"resources": {"requests": {"cpu": "1m", "memory": "4Mi"}, "limits": {"cpu": "1", "memory": "16Mi"}}}
HTTP = {"httpGet": {"path": "/", "port": 40000}, "periodSeconds": 1}
TCP = {"tcpSocket": {"port": 40000}, "periodSeconds": 1}
EXEC = {"exec": {"command": ["true"]}, "periodSeconds": 1}
#: A pull of the newest image, which is Kubernetes's default for that tag, would need a registry that has it.
THERE = {"image": IMAGE, "imagePullPolicy": "IfNotPresent", **SMALL}
SLEEPER = {"command": ["sleep", "3600"], **THERE}

GOOD: dict[str, dict[str, Any]] = {
    "plain": {},
    # Fields.
    "arguments": said("test $0 = one -a $1 = two", Args=["one", "two"]),
    "environment": said(
        'test "$MODE" = fast -a $DB = u -a $ME = environment-0',
        Env={
            "MODE": "fast",
            "DB": {"secretKeyRef": {"name": "database", "key": "user"}},
            "ME": {"fieldRef": {"fieldPath": "metadata.name"}},
        },
    ),
    "all-of-both": said(
        "test $DB_user = u -a $COLOUR = blue",
        EnvFrom=[{"secretRef": {"name": "database"}, "prefix": "DB_"}, {"configMapRef": {"name": "settings"}}],
    ),
    "flytes-secrets": said(
        "test $(cat /etc/flyte/secrets/database/user) = u -a $_FSEC_DATABASE_PASSWORD = a-secret-value",
        Secrets=[
            {"group": "database", "key": "user", "mountRequirement": "FILE"},
            {"group": "database", "key": "password", "mountRequirement": "ENV_VAR"},
        ],
    ),
    "several-ports": {"Ports": [{"name": "web", "port": 40000}, {"name": "gossip", "port": 7946, "protocol": "UDP"}]},
    "volumes": said(
        "touch /scratch/x; test $(cat /etc/store/file.txt) = text",
        Volumes=[
            {"name": "scratch", "mountPath": "/scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            {"name": "config", "mountPath": "/etc/store", "configMap": {"name": "settings"}},
        ],
    ),
    "claims": said("touch /graph/x", VolumeClaimTemplates=[{"name": "graph", "mountPath": "/graph", "size": "1Mi"}]),
    "all-probes": {
        "ReadinessProbe": {"httpGet": {"path": "/"}, "periodSeconds": 1},
        "LivenessProbe": {"tcpSocket": {}, "periodSeconds": 1},
        "StartupProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1},
        "MinReadySeconds": 0,
    },
    "sidecar": {"Sidecars": [{"name": "beside", **SLEEPER}]},
    "before": said(
        "test -f /v/made",
        InitContainers=[
            {
                "name": "init",
                "command": ["touch", "/v/made"],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                **SMALL,
            }
        ],
        Volumes=[{"name": "v", "mountPath": "/v", "emptyDir": {}}],
    ),
    "placed": {
        "NodeSelector": {"kubernetes.io/os": "linux"},
        "Tolerations": [{"key": "gpu", "operator": "Exists"}],
        "Affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]
            }
        },
        "TopologySpreadConstraints": [{"topologyKey": "kubernetes.io/hostname"}],
        "PriorityClass": "system-cluster-critical",
    },
    "as-whom": said(
        "test $(id -u) = 2000; ! touch /x",
        ServiceAccount="worker",
        PodSecurityContext={"runAsUser": 2000},
        SecurityContext={"readOnlyRootFilesystem": True},
        Volumes=[{"name": "tmp", "mountPath": "/tmp", "emptyDir": {}}],
    ),
    "as-root": said("test $(id -u) = 0", PodSecurityContext={"runAsUser": 0}),
    "one-as-root": said("test $(id -u) = 0", SecurityContext={"runAsUser": 0}),
    "in-order": {"Replicas": 2, "PodManagementPolicy": "OrderedReady", "MinReadySeconds": 1},
    "guarded": {
        "PodDisruptionBudget": {"maxUnavailable": 1},
        "NetworkPolicy": True,
        "PreStop": {"exec": {"command": ["true"]}},
        "TerminationGracePeriodSeconds": 1,
    },
    "called": {"Labels": {"team": "graph"}, "Annotations": {"example.com/contact": "any text"}},
    # Pod templates.
    "two-pods": {"Replicas": 2},
    "no-pods": {"Replicas": 0},
    "another-port": said("test $SERVER_PORT = 50051", Port=50051),
    "limits-alone": {"Requests": None},
    "no-limit-reached": {"Limits": {"cpu": "1", "mem": "64Mi"}},
    "variable": said('test "$GREETING" = "good day"') | container(env=[{"name": "GREETING", "value": "good day"}]),
    "secret-key": said("test $DB = u") | variable("DB", secretKeyRef={"name": "database", "key": "user"}),
    "config-map-key": said("test $C = blue") | variable("C", configMapKeyRef={"name": "settings", "key": "COLOUR"}),
    "optional-secret": said("test -z $DB")
    | variable("DB", secretKeyRef={"name": "nowhere", "key": "user", "optional": True}),
    "pods-own-name": said("test $ME = pods-own-name-0") | variable("ME", fieldRef={"fieldPath": "metadata.name"}),
    "all-of-a-config-map": said("test $COLOUR = blue") | container(envFrom=[{"configMapRef": {"name": "settings"}}]),
    "all-of-a-secret": said("test $user = u") | container(envFrom=[{"secretRef": {"name": "database"}}]),
    "secret-files": mounted("test $(cat /v/user) = u", {"secret": {"secretName": "database"}}),
    "config-map-file": mounted(
        "test $(cat /v/x) = text", {"configMap": {"name": "settings", "items": [{"key": "file.txt", "path": "x"}]}}
    ),
    "one-file": mounted("test $(cat /v) = text", {"configMap": {"name": "settings"}}, subPath="file.txt"),
    "projected": mounted(
        "test -f /v/COLOUR",
        {"projected": {"sources": [{"secret": {"name": "database"}}, {"configMap": {"name": "settings"}}]}},
    ),
    "scratch": mounted("touch /v/x", {"emptyDir": {}}),
    "scratch-in-memory": mounted(
        "grep -q ' /v tmpfs' /proc/mounts", {"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}
    ),
    "existing-claim": mounted("touch /v/x", {"persistentVolumeClaim": {"claimName": "disk"}}),
    "labels-as-a-file": said("grep -q team= /v/labels")
    | pod(
        {"labels": {"team": "ml"}},
        volumes=[
            {
                "name": "v",
                "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]},
            }
        ],
        containers=[{"name": "primary", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
    ),
    "init-container": said("test -f /v/made")
    | pod(
        volumes=[{"name": "v", "emptyDir": {}}],
        initContainers=[
            {
                "name": "init",
                "command": ["touch", "/v/made"],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                **THERE,
            }
        ],
        containers=[{"name": "primary", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
    ),
    "native-sidecar": pod(initContainers=[{"name": "beside", "restartPolicy": "Always", **SLEEPER}]),
    "second-container": pod(containers=[{"name": "beside", **SLEEPER}]),
    "probes": container(readinessProbe=HTTP, livenessProbe=TCP, startupProbe=EXEC),
    "service-account": pod(serviceAccountName="worker"),
    "node-selector": pod(nodeSelector={"kubernetes.io/os": "linux"}),
    "toleration": pod(tolerations=[{"key": "gpu", "operator": "Exists"}]),
    "labels-and-annotations": pod(
        {"labels": {"team": "ml"}, "annotations": {"note": "any text"}}, enableServiceLinks=False
    ),
    "spread": pod(
        topologySpreadConstraints=[
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/instance": "spread"}},
            }
        ]
    ),
    "grace-and-dns": pod(
        terminationGracePeriodSeconds=1,
        dnsConfig={"options": [{"name": "ndots", "value": "2"}]},
        enableServiceLinks=False,
    ),
    "pre-stop": container(lifecycle={"preStop": {"exec": {"command": ["true"]}}}),
    "another-user": said("test $(id -u) = 2000") | pod(securityContext={"runAsUser": 2000, "fsGroup": 2000}),
    "read-only-root": pod(
        volumes=[{"name": "tmp", "emptyDir": {}}],
        containers=[
            {
                "name": "primary",
                "securityContext": {"readOnlyRootFilesystem": True},
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
            }
        ],
    ),
    "high-priority": pod(priorityClassName="system-cluster-critical"),
}
