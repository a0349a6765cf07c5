"""The objects of a service as a cluster has them while it runs, for an API server with nobody who would make them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bench.raw_api import Object

#: How many pods each service has.
PODS_EACH = 2

#: The name in a template; of a kind that no other text in it contains.
PLACEHOLDER = "name-of-the-service"

_TIME = "2026-01-01T00:00:00Z"
_NODE = "node-1"
_UNSCHEDULABLE = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available."


@dataclass(frozen=True)
class Service:
    """The objects to write of one service."""

    name: str
    schedulable: bool = True
    """Whether its last pod runs, rather than fits on no node."""
    named: bool = True
    """Whether its endpoint slice has its pods' names."""

    def stateful_set(self, template: str) -> Object:
        """Returns its StatefulSet, made of that of a service that is named with the placeholder."""
        made: Object = json.loads(template.replace(PLACEHOLDER, self.name))
        # The namespace is the collection's that it is written to.
        made["metadata"].pop("namespace", None)
        return made

    def stateful_set_status(self) -> Object:
        """Returns what the controller would write."""
        ready = PODS_EACH if self.schedulable else PODS_EACH - 1
        counts = dict.fromkeys(("replicas", "currentReplicas", "updatedReplicas"), PODS_EACH)
        revisions = dict.fromkeys(("currentRevision", "updateRevision"), f"{self.name}-5d4b8c7f9d")
        return {"observedGeneration": 1, "readyReplicas": ready, "availableReplicas": ready} | counts | revisions

    def pod(self, stateful_set: Object, number: int) -> Object:
        """Returns a pod as the controller and the scheduler would make it."""
        template, name = stateful_set["spec"]["template"], f"{self.name}-{number}"
        labels: Object = {
            "apps.kubernetes.io/pod-index": str(number),
            "controller-revision-hash": f"{self.name}-5d4b8c7f9d",
            "statefulset.kubernetes.io/pod-name": name,
        }
        spec: Object = {**template["spec"], "hostname": name, "subdomain": self.name}
        if self._runs(number):
            spec["nodeName"] = _NODE
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **template["metadata"],
                "name": name,
                "generateName": f"{self.name}-",
                "labels": template["metadata"]["labels"] | labels,
                "ownerReferences": [_owner("apps/v1", "StatefulSet", stateful_set)],
            },
            "spec": spec,
        }

    def pod_status(self, pod: Object, number: int) -> Object:
        """Returns what the kubelet would write, or the scheduler for a pod that fits nowhere."""
        if not self._runs(number):
            why = {"reason": "Unschedulable", "message": _UNSCHEDULABLE}
            return {
                "phase": "Pending",
                "qosClass": "Burstable",
                "conditions": [condition("PodScheduled", "False") | why],
            }
        container = pod["spec"]["containers"][0]
        conditions = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
        return {
            "phase": "Running",
            "qosClass": "Burstable",
            "startTime": _TIME,
            "hostIP": "192.0.2.1",
            "hostIPs": [{"ip": "192.0.2.1"}],
            "podIP": "198.51.100.7",
            "podIPs": [{"ip": "198.51.100.7"}],
            "conditions": [condition(kind, "True") for kind in conditions],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": f"docker.io/library/busybox@sha256:{'3f' * 32}",
                    "containerID": f"containerd://{'a7' * 32}",
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "lastState": {},
                    "state": {"running": {"startedAt": _TIME}},
                }
            ],
        }

    def endpoint_slice(self, stateful_set: Object) -> Object:
        """Returns what the controller of endpoint slices would make of its Service and its pods."""
        endpoints: list[dict[str, Any]] = [
            {
                "addresses": [f"198.51.100.{number + 1}"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": _NODE,
                "targetRef": {"kind": "Pod", "name": f"{self.name}-{number}"},
                **({"hostname": f"{self.name}-{number}"} if self.named else {}),
            }
            for number in range(PODS_EACH)
        ]
        labels = {"kubernetes.io/service-name": self.name, "service.kubernetes.io/headless": ""}
        controller = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{self.name}-x7k2p",
                "labels": stateful_set["metadata"]["labels"] | labels | controller,
                "ownerReferences": [_owner("v1", "Service", stateful_set)],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [{"name": "graph-engine", "port": 40000, "protocol": "TCP"}],
        }

    def _runs(self, number: int) -> bool:
        return self.schedulable or number < PODS_EACH - 1


def _owner(version: str, kind: str, stateful_set: Object) -> Object:
    # No Service is written, which nobody watches; any uid does for its slices.
    metadata = stateful_set["metadata"]
    owner = {"apiVersion": version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"]}
    return owner | {"controller": True, "blockOwnerDeletion": True}


def condition(kind: str, status: str) -> Object:
    """Returns a condition of a pod."""
    return {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": _TIME}
