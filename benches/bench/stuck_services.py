"""Services that do not come up, each kind as a cluster has it, and the events of an ordinary hour around them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from bench.raw_api import Object
from bench.written import Service, condition

#: The causes that keep a service from coming up, and the connector's own reason for each.
REASONS = {
    "quota": "QuotaExceeded",
    "image": "ImagePullThrottled",
    "crash": "ContainerExits",
    "node": "InsufficientCpu",
}

#: The other end of each event's name: as long for every service, as copies have to be.
_SUFFIX = "17a1b2c3d4e5f6a7"

_QUOTA = (
    'create Pod {name}-0 in StatefulSet {name} failed error: pods "{name}-0" is forbidden: exceeded quota: team, '
    "requested: requests.cpu=2, used: requests.cpu=40, limited: requests.cpu=40"
)
_PULL = (
    'failed to pull and unpack image "registry.example/feature-store:3": unexpected status from HEAD request: '
    "429 Too Many Requests"
)
_NO_NODE = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available."


@dataclass(frozen=True)
class StuckService(Service):
    """A service of one pod that does not come up."""

    kind: str = "quota"

    def stateful_set_status(self) -> Object:
        """Returns what the controller would write."""
        replicas = 0 if self.kind == "quota" else 1
        revisions = dict.fromkeys(("currentRevision", "updateRevision"), f"{self.name}-5d4b8c7f9d")
        return {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas} | revisions

    def pod_status(self, pod: Object, number: int) -> Object:
        """Returns what the scheduler or the kubelet would write."""
        if self.kind == "node":
            why = {"reason": "Unschedulable", "message": _NO_NODE, "lastTransitionTime": _moments_ago(30)}
            return {"phase": "Pending", "conditions": [condition("PodScheduled", "False") | why]}
        state: dict[str, Any] = {"waiting": {"reason": "ImagePullBackOff", "message": _PULL}}
        last: dict[str, Any] = {}
        if self.kind == "crash":
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}}
            times = {"startedAt": _moments_ago(6), "finishedAt": _moments_ago(5)}
            last = {
                "terminated": {"exitCode": 3, "reason": "Error", "containerID": f"containerd://{'a7' * 32}"} | times
            }
        container = pod["spec"]["containers"][0]
        status = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": False,
            "started": False,
            "restartCount": 1 if last else 0,
            "state": state,
            "lastState": last,
        }
        conditions = [condition("Ready", "False"), condition("PodScheduled", "True")]
        scheduled = [each | {"lastTransitionTime": _moments_ago(30)} for each in conditions]
        return {"phase": "Pending", "conditions": scheduled, "containerStatuses": [status]}

    def event(self, concerned: Object) -> Object:
        """Returns what the controller, the scheduler or the kubelet would report of the object concerned."""
        reason, message = {
            "quota": ("FailedCreate", _QUOTA.format(name=self.name)),
            "image": ("Failed", f"Failed to pull image: {_PULL}"),
            "crash": ("BackOff", f"Back-off restarting failed container in pod {self.name}-0"),
            "node": ("FailedScheduling", _NO_NODE),
        }[self.kind]
        return event(concerned, reason, message)

    def _runs(self, number: int) -> bool:
        return self.kind != "node"


def event(concerned: Object, reason: str, message: str) -> Object:
    """Returns an event on an object."""
    metadata = concerned["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{_SUFFIX}"},
        "involvedObject": {
            "apiVersion": concerned["apiVersion"],
            "kind": concerned["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "reason": reason,
        "message": message,
        "type": "Warning",
        "count": 5,
        "firstTimestamp": _moments_ago(30),
        "lastTimestamp": _moments_ago(1),
        "source": {"component": "benchmark"},
    }


def _moments_ago(seconds: float) -> str:
    moment = datetime.now(timezone.utc) - timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
