"""Configurations that cannot run, each with the field that is at fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cluster.support.kubernetes import Object
from cluster.support.objects import foreign_service, foreign_stateful_set


@dataclass(frozen=True)
class Doomed:
    """A configuration that cannot run.

    Attributes:
        name: What it is called in the tests.
        path: The field that the plan has to name.
        words: What its message has to contain.
        fields: The fields of the configuration.
        beside: What else is in its namespace, which it then has for itself.
        labels: Labels of its namespace, likewise.
        namespace: The namespace that is planned for; None: one that exists.
    """

    name: str
    path: str
    words: str
    fields: dict[str, Any]
    beside: tuple[Object, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    namespace: str | None = None

    @property
    def needs_its_own_namespace(self) -> bool:
        """Whether other configurations would be refused beside it, or it is refused for what is there."""
        return bool(self.beside or self.labels)


def pod(metadata: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Returns fields that say something of the pod for which there is no field."""
    return {"PodTemplate": {"metadata": metadata or {}, "spec": spec}}


def container(**fields: Any) -> dict[str, Any]:
    """Returns fields that say something of the service's own container for which there is no field."""
    return pod(containers=[{"name": "primary", **fields}])


def volume(**source: Any) -> dict[str, Any]:
    """Returns fields with a volume."""
    return pod(volumes=[{"name": "v", **source}])


def namespaced(kind: str, name: str, version: str = "v1", **rest: Any) -> Object:
    """Returns an object."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **rest}


OWN = "PodTemplate.spec.containers[0]"
SECRET = namespaced("Secret", "database", stringData={"user": "a-secret-value"})
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, "storageClassName": "gone"}

DOOMED = [
    # Faults that need no cluster.
    Doomed("no image", "Image", "is missing", {"Image": None}),
    Doomed("image with a space", "Image", "no spaces", {"Image": "busy box"}),
    Doomed("bad quantity", "Requests.mem", "not a Kubernetes quantity", {"Requests": {"mem": "1GB"}}),
    Doomed(
        "request over limit", "Requests.cpu", "more than Limits.cpu", {"Requests": {"cpu": "2"}, "Limits": {"cpu": "1"}}
    ),
    Doomed("bad port", "Port", "65535", {"Port": 70000}),
    Doomed("unknown field", "Comand", "did you mean `Command`?", {"Comand": ["sh"]}),
    Doomed(
        "unknown field of Kubernetes",
        "PodTemplate.spec.nodeSelectr",
        "is an unknown field",
        pod(nodeSelectr={"a": "b"}),
    ),
    Doomed("name of a port", "Ports[0].name", "at most 15", {"Ports": [{"name": "a-name-of-17-chars", "port": 1}]}),
    Doomed(
        "probe of no port", "ReadinessProbe.tcpSocket.port", "web", {"ReadinessProbe": {"tcpSocket": {"port": "web"}}}
    ),
    Doomed(
        "size of a claim",
        "VolumeClaimTemplates[0]",
        "lacks size",
        {"VolumeClaimTemplates": [{"name": "v", "mountPath": "/v"}]},
    ),
    # Objects that the API server does not accept.
    Doomed(
        "operator of a toleration",
        "Tolerations[0].operator",
        "Unsupported value",
        {"Tolerations": [{"key": "a", "operator": "Is"}]},
    ),
    Doomed(
        "key of an affinity",
        "Affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator",
        "not a valid selector operator",
        {
            "Affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Is", "values": ["b"]}]}]
                    }
                }
            }
        },
    ),
    Doomed(
        "port of a sidecar",
        "Sidecars[0].ports[0].containerPort",
        "65535",
        {"Sidecars": [{"name": "s", "image": "i", "ports": [{"containerPort": 70000}]}]},
    ),
    Doomed(
        "size of a volume",
        "Volumes[0].emptyDir.sizeLimit",
        'is "-1", negative',
        {"Volumes": [{"name": "v", "mountPath": "/v", "emptyDir": {"sizeLimit": "-1"}}]},
    ),
    Doomed(
        "bad quantity in the template",
        f"{OWN}.resources.limits.ephemeral-storage",
        "not a Kubernetes quantity",
        container(resources={"limits": {"ephemeral-storage": "1GB"}}),
    ),
    Doomed(
        "mount of what is outside",
        f"{OWN}.volumeMounts.subPath",
        "must not contain '..'",
        pod(
            volumes=[{"name": "v", "emptyDir": {}}],
            containers=[{"name": "primary", "volumeMounts": [{"name": "v", "mountPath": "/a", "subPath": "../b"}]}],
        ),
    ),
    Doomed(
        "mount of no volume",
        f"{OWN}.volumeMounts[0].name",
        "Not found",
        container(volumeMounts=[{"name": "nowhere", "mountPath": "/a"}]),
    ),
    Doomed(
        "two sources of a volume",
        "PodTemplate.spec.volumes[0].secret",
        "more than 1 volume type",
        volume(emptyDir={}, secret={"secretName": "s", "optional": True}),
    ),
    Doomed(
        "bad label", "PodTemplate.metadata.labels.team", "a label's value has at most", pod({"labels": {"team": "a b"}})
    ),
    Doomed("pods that end", "PodTemplate.spec.restartPolicy", "Always", pod(restartPolicy="Never")),
    Doomed(
        "negative user", "PodTemplate.spec.securityContext.runAsUser", "between", pod(securityContext={"runAsUser": -1})
    ),
    Doomed(
        "root that is not to be",
        "PodSecurityContext.runAsUser",
        "which is root",
        {"PodSecurityContext": {"runAsUser": 0, "runAsNonRoot": True}},
    ),
    Doomed("probe of nothing", f"{OWN}.livenessProbe", "handler", container(livenessProbe={"periodSeconds": 1})),
    Doomed(
        "init container without an image",
        "PodTemplate.spec.initContainers[0].image",
        "Required",
        pod(initContainers=[{"name": "init"}]),
    ),
    Doomed(
        "bad toleration",
        "PodTemplate.spec.tolerations[0].operator",
        "must be empty|value",
        pod(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
    ),
    # References to missing objects.
    Doomed(
        "Secret of a variable",
        "Env.PASSWORD",
        "Secret nowhere does not exist",
        {"Env": {"PASSWORD": {"secretKeyRef": {"name": "nowhere", "key": "k"}}}},
    ),
    Doomed(
        "ConfigMap of variables",
        "EnvFrom[0].configMapRef.name",
        "ConfigMap nowhere does not exist",
        {"EnvFrom": [{"configMapRef": {"name": "nowhere"}}]},
    ),
    Doomed(
        "flytekit's Secret",
        "Secrets[0]",
        "Secret nowhere does not exist",
        {"Secrets": [{"group": "nowhere", "key": "k"}]},
    ),
    Doomed(
        "claim of a volume",
        "Volumes[0].persistentVolumeClaim.claimName",
        "PersistentVolumeClaim nowhere does not exist",
        {"Volumes": [{"name": "v", "mountPath": "/v", "persistentVolumeClaim": {"claimName": "nowhere"}}]},
    ),
    Doomed(
        "StorageClass of a claim",
        "VolumeClaimTemplates[0].storageClassName",
        "StorageClass gone does not exist in the cluster",
        {"VolumeClaimTemplates": [{"name": "v", "mountPath": "/v", "size": "1Mi", "storageClassName": "gone"}]},
    ),
    Doomed("account", "ServiceAccount", "ServiceAccount nobody", {"ServiceAccount": "nobody"}),
    Doomed("priority", "PriorityClass", "PriorityClass first", {"PriorityClass": "first"}),
    Doomed("runtime", "RuntimeClass", "RuntimeClass wasm", {"RuntimeClass": "wasm"}),
    Doomed("pull secret", "ImagePullSecrets[0]", "Secret registry does not exist", {"ImagePullSecrets": ["registry"]}),
    Doomed(
        "missing Secret",
        f"{OWN}.env[0].valueFrom.secretKeyRef",
        "Secret nowhere does not exist",
        container(env=[{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "nowhere", "key": "password"}}}]),
    ),
    Doomed(
        "missing key of a Secret",
        f"{OWN}.env[0].valueFrom.secretKeyRef",
        "has no key usr; did you mean `user`?",
        container(env=[{"name": "DB", "valueFrom": {"secretKeyRef": {"name": "database", "key": "usr"}}}]),
        beside=(SECRET,),
    ),
    Doomed(
        "misspelt Secret",
        "PodTemplate.spec.volumes[0].secret.secretName",
        "did you mean `database`?",
        volume(secret={"secretName": "databse"}),
        beside=(SECRET,),
    ),
    Doomed(
        "missing ConfigMap",
        f"{OWN}.envFrom[0].configMapRef.name",
        "ConfigMap nowhere does not exist",
        container(envFrom=[{"configMapRef": {"name": "nowhere"}}]),
    ),
    Doomed(
        "missing claim",
        "PodTemplate.spec.volumes[0].persistentVolumeClaim.claimName",
        "PersistentVolumeClaim nowhere does not exist",
        volume(persistentVolumeClaim={"claimName": "nowhere"}),
    ),
    Doomed(
        "missing StorageClass",
        "PodTemplate.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.storageClassName",
        "StorageClass gone does not exist in the cluster",
        volume(ephemeral={"volumeClaimTemplate": {"spec": CLAIM}}),
    ),
    Doomed(
        "missing ServiceAccount",
        "PodTemplate.spec.serviceAccountName",
        "ServiceAccount nobody",
        pod(serviceAccountName="nobody"),
    ),
    Doomed(
        "missing PriorityClass",
        "PodTemplate.spec.priorityClassName",
        "PriorityClass first",
        pod(priorityClassName="first"),
    ),
    Doomed(
        "missing RuntimeClass", "PodTemplate.spec.runtimeClassName", "RuntimeClass wasm", pod(runtimeClassName="wasm")
    ),
    Doomed(
        "missing pull secret",
        "PodTemplate.spec.imagePullSecrets[0].name",
        "Secret registry does not exist",
        pod(imagePullSecrets=[{"name": "registry"}]),
    ),
    Doomed("no such service", "ExistingReleaseName", "There is no StatefulSet gone", {"ExistingReleaseName": "gone"}),
    # Objects that the namespace does not allow.
    Doomed("no namespace", "Namespace", "not found", {}, namespace="nowhere-at-all"),
    Doomed(
        "quota for one pod",
        "Requests.cpu",
        "leaves 5m of requests.cpu, and the service's 1 pod needs 10m",
        {},
        beside=(namespaced("ResourceQuota", "q", spec={"hard": {"requests.cpu": "5m"}}),),
    ),
    Doomed(
        "quota for all pods",
        "Replicas",
        "leaves 2 of pods, and the service's 3 pods need 3",
        {"Replicas": 3},
        beside=(namespaced("ResourceQuota", "q", spec={"hard": {"pods": "2"}}),),
    ),
    Doomed(
        "quota that wants to be reported",
        "PodTemplate.spec.initContainers[0].resources.limits.memory",
        "must specify limits.memory",
        pod(initContainers=[{"name": "init", "image": "busybox"}]),
        beside=(namespaced("ResourceQuota", "q", spec={"hard": {"limits.memory": "1Gi"}}),),
    ),
    Doomed(
        "quota of StatefulSets",
        "Namespace",
        "exceeded quota",
        {},
        beside=(namespaced("ResourceQuota", "q", spec={"hard": {"count/statefulsets.apps": "0"}}),),
    ),
    Doomed(
        "LimitRange",
        "Limits.cpu",
        "maximum cpu usage per Container is 5m",
        {},
        beside=(namespaced("LimitRange", "r", spec={"limits": [{"type": "Container", "max": {"cpu": "5m"}}]}),),
    ),
    Doomed(
        "the host's network under Pod Security",
        "PodTemplate.spec.hostNetwork",
        "hostNetwork=true",
        pod(hostNetwork=True),
        labels={"pod-security.kubernetes.io/enforce": "baseline"},
    ),
    Doomed(
        "a privileged container under Pod Security",
        f"{OWN}.securityContext.privileged",
        "privileged",
        container(securityContext={"privileged": True, "allowPrivilegeEscalation": True}),
        labels={"pod-security.kubernetes.io/enforce": "restricted"},
    ),
    Doomed(
        "the host's files",
        "Volumes[0].hostPath.path",
        "does not let pods mount folders of their nodes",
        {"Volumes": [{"name": "host", "mountPath": "/host", "hostPath": {"path": "/etc"}}]},
    ),
    Doomed(
        "the host's processes under Pod Security",
        "PodTemplate.spec.hostPID",
        "hostPID=true",
        pod(hostPID=True),
        labels={"pod-security.kubernetes.io/enforce": "baseline"},
    ),
    # Requests that no node meets.
    Doomed(
        "more than any node", "Requests.cpu", "No node takes such a pod", {"Requests": {"cpu": "9000"}, "Limits": None}
    ),
    Doomed("a node of no cluster", "NodeSelector", "No node takes such a pod", {"NodeSelector": {"disk": "tape"}}),
    Doomed(
        "a GPU of no node",
        "Accelerator",
        "No node takes such a pod",
        {"Accelerator": "nvidia-tesla-a100", "Requests": {"cpu": "1m", "gpu": "1"}, "Limits": None},
    ),
    # Objects that have the name already.
    Doomed("somebody's StatefulSet", "Name", "somebody else", {}, beside=(foreign_stateful_set("doomed"),)),
    Doomed("somebody's Service", "Name", "somebody else", {}, beside=(foreign_service("doomed"),)),
]
