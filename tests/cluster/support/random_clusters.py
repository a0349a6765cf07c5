"""Clusters by chance: nodes, pods that run on them, and a StatefulSet whose pods want to."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from cluster.support.kubernetes import IMAGE, Object

#: The label that distinguishes the nodes of one random cluster from those of the others.
CLUSTER = "test/cluster"
#: The label of everything that random clusters consist of.
MADE = "test/random-clusters"

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"
DISK = "test/disk"
GPU = "nvidia.com/gpu"
PAUSE = ["sleep", "3600"]


@dataclass
class RandomCluster:
    """One of many clusters that share the API server: none of its pods may go to a node of another."""

    name: str
    #: That of the StatefulSet and of most pods, and another.
    namespaces: tuple[str, str]
    random: Random
    nodes: list[Object] = field(default_factory=list)
    running: list[Object] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    stateful_set: Object = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Draws the cluster."""
        self.nodes = [self.node(number) for number in range(self.random.randint(3, 12))]
        self.running = [self.pod(number) for number in range(self.random.randint(0, 20))]
        self.finished = [pod["metadata"]["name"] for pod in self.running if self.chance(0.1)]
        self.stateful_set = self.set()

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def node(self, number: int) -> Object:
        name = f"{self.name}-{number}"
        labels = {CLUSTER: self.name, MADE: "true", HOST: name, DISK: self.random.choice(["ssd", "hdd"])}
        if self.chance(0.9):
            labels[ZONE] = f"{self.name}-{self.random.choice('abc')}"
        taints = []
        if self.chance(0.15):
            effect = self.random.choice(["NoSchedule", "NoExecute", "PreferNoSchedule"])
            taints.append({"key": "dedicated", "value": self.random.choice(["infra", "ml"]), "effect": effect})
        room = {
            "cpu": self.random.choice(["2", "4", "3900m", "8", "7910m"]),
            "memory": self.random.choice(["4Gi", "8Gi", "16G", "15.5Gi", "32123456Ki"]),
            "ephemeral-storage": self.random.choice(["20Gi", "100Gi"]),
            "pods": self.random.choice(["3", "6", "110", "110"]),
        }
        if self.chance(0.5):
            room[GPU] = self.random.choice(["1", "2", "4", "8"])
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "spec": {"taints": taints, "unschedulable": self.chance(0.1)},
            "status": {"capacity": room, "allocatable": room, "conditions": [ready]},
        }

    def requests(self) -> dict[str, str]:
        asked = {}
        if self.chance(0.8):
            asked["cpu"] = self.random.choice(["100m", "500m", "1", "1.3", "2"])
        if self.chance(0.7):
            asked["memory"] = self.random.choice(["100M", "512Mi", "1.5Gi", "2G", "4Gi"])
        if self.chance(0.1):
            asked["ephemeral-storage"] = self.random.choice(["5Gi", "30Gi"])
        return asked

    def container(self, name: str, gpu: float) -> Object:
        resources: Object = {"requests": self.requests()}
        if self.chance(gpu):
            resources["limits"] = {GPU: self.random.choice(["1", "2", "3"])}
        return {"name": name, "image": IMAGE, "command": PAUSE, "resources": resources}

    def app(self, kind: str) -> dict[str, str]:
        return {"app": f"{kind}-{self.name}"}

    def term(self, kind: str, key: str) -> Object:
        term: Object = {"labelSelector": {"matchLabels": self.app(kind)}, "topologyKey": key}
        if self.chance(0.2):
            term["namespaceSelector"] = {}
        return term

    def pod(self, number: int) -> Object:
        container = self.container("c", 0.15)
        if self.chance(0.1):
            container["ports"] = [{"containerPort": 80, "hostPort": self.random.choice([8080, 8081])}]
        spec: Object = {
            "containers": [container],
            "nodeName": self.random.choice(self.nodes)["metadata"]["name"],
            # Nothing takes them away.
            "tolerations": [{"operator": "Exists"}],
            "terminationGracePeriodSeconds": 0,
        }
        if self.chance(0.03):
            rule = [self.term("store", self.random.choice([HOST, ZONE]))]
            spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": rule}}
        namespace = self.namespaces[0 if self.chance(0.8) else 1]
        labels = self.app(self.random.choice(["web", "web", "batch", "store"])) | {MADE: "true"}
        name = f"{self.name}-running-{number}"
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": spec,
        }

    def set(self) -> Object:
        labels = self.app("store") | {MADE: "true"}
        container = self.container("c", 0.3)
        if self.chance(0.1):
            container["ports"] = [{"containerPort": 80, "hostPort": 8080}]
        spec: Object = {"containers": [container], "nodeSelector": {CLUSTER: self.name}}
        if self.chance(0.2):
            initial = self.container("i", 0)
            if self.chance(0.5):
                initial["restartPolicy"] = "Always"
            spec["initContainers"] = [initial]
        if self.chance(0.2):
            spec["resources"] = {"requests": {"cpu": "4100m", "memory": "8.1Gi"}}
        if self.chance(0.3):
            spec["tolerations"] = [self.toleration()]
        spec["affinity"] = self.affinity()
        spec["topologySpreadConstraints"] = self.spread()
        return {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": self.name, "namespace": self.namespaces[0], "labels": {MADE: "true"}},
            "spec": {
                "replicas": self.random.randint(1, 16),
                "serviceName": self.name,
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        }

    def toleration(self) -> Object:
        return self.random.choice(
            [
                {"operator": "Exists"},
                {"key": "dedicated", "operator": "Exists"},
                {"key": "dedicated", "value": "infra", "effect": "NoSchedule"},
                {"key": "dedicated", "operator": "Equal", "value": "ml"},
                {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"},
            ]
        )

    def affinity(self) -> Object:
        affinity: Object = {}
        required = "requiredDuringSchedulingIgnoredDuringExecution"
        if self.chance(0.25):
            some = [node["metadata"]["name"] for node in self.nodes]
            term = self.random.choice(
                [
                    {"matchExpressions": [{"key": DISK, "operator": "In", "values": ["ssd"]}]},
                    {"matchExpressions": [{"key": ZONE, "operator": "Exists"}]},
                    {"matchExpressions": [{"key": ZONE, "operator": "NotIn", "values": [f"{self.name}-a"]}]},
                    {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": some[:1]}]},
                ]
            )
            affinity["nodeAffinity"] = {required: {"nodeSelectorTerms": [term]}}
        if self.chance(0.3):
            kinds = ["store"] * 3 + ["web"]
            term = self.term(self.random.choice(kinds), self.random.choice([HOST, HOST, ZONE]))
            affinity["podAntiAffinity"] = {required: [term]}
        if self.chance(0.2):
            term = self.term(self.random.choice(["web", "web", "store"]), self.random.choice([HOST, ZONE, ZONE]))
            affinity["podAffinity"] = {required: [term]}
        return affinity

    def spread(self) -> list[Object]:
        keys = self.random.choice([[], [], [], [ZONE], [ZONE], [HOST], [ZONE, HOST]])
        return [self.constraint(key) for key in keys]

    def constraint(self, key: str) -> Object:
        constraint: Object = {
            "maxSkew": self.random.choice([1, 1, 2, 3]),
            "topologyKey": key,
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": self.app("store")},
        }
        if self.chance(0.2):
            constraint["minDomains"] = self.random.randint(1, 4)
        if self.chance(0.15):
            constraint["nodeAffinityPolicy"] = "Ignore"
        if self.chance(0.3):
            constraint["nodeTaintsPolicy"] = "Honor"
        return constraint

    def question(self) -> Object:
        """Returns the pod that the controller would make, and how many."""
        spec = self.stateful_set["spec"]
        template = spec["template"]
        metadata = {"namespace": self.namespaces[0], "labels": template["metadata"]["labels"]}
        return {"replicas": spec["replicas"], "pod": {"metadata": metadata, "spec": template["spec"]}}
