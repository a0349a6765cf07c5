"""Pods that outlive their StatefulSet."""

from __future__ import annotations

from collections.abc import Iterable

from soak.admin import Admin, Object
from soak.findings import Findings
from soak.service import Service

#: How long, in seconds, the garbage collector may take after an outage, since it tries again every half minute only.
PATIENCE = 75.0


class Strays:
    """Finds pods whose StatefulSet is gone and that nobody deletes.

    Kubernetes itself forgets some: where a StatefulSet is deleted and created again under its name while the
    controllers' watches are broken, they see one object that has changed (kubernetes/kubernetes#120862). The old pod
    stays, and the new StatefulSet waits for its name. No client can prevent it. Here a person deletes that pod, as one
    would have to; any other stray is a fault.
    """

    def __init__(self, admin: Admin, findings: Findings) -> None:
        self._admin = admin
        self._findings = findings
        self._since: dict[str, float] = {}
        #: How many pods Kubernetes has forgotten.
        self.forgotten = 0

    @property
    def are_there(self) -> bool:
        """Whether there were any at the last look."""
        return bool(self._since)

    def check(self, pods: list[Object], stateful_sets: list[Object], services: Iterable[Service], now: float) -> None:
        """Looks for them, at this time of the cluster's clock."""
        of_name = {item["metadata"]["name"]: item["metadata"]["uid"] for item in stateful_sets}
        strays = {
            pod["metadata"]["uid"]: pod
            for pod in pods
            if "deletionTimestamp" not in pod["metadata"] and _owner_of(pod)["uid"] not in of_name.values()
        }
        self._since = {uid: self._since.get(uid, now) for uid in strays}
        for uid, since in self._since.items():
            if now - since > PATIENCE:
                name, owner = strays[uid]["metadata"]["name"], _owner_of(strays[uid])["name"]
                service = next((each for each in services if each.name == owner), None)
                if owner in of_name and service:
                    self.forgotten += 1
                    service.note(f"Kubernetes has forgotten pod {name} of the StatefulSet before; a person deletes it")
                    path = f"{self._admin.pods}/{name}"
                    self._admin.request("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}})
                else:
                    self._findings.add(f"Pod {name} is still there, and its StatefulSet is not.", service)


def _owner_of(pod: Object) -> Object:
    owners: list[Object] = pod["metadata"].get("ownerReferences") or [{"uid": "", "name": ""}]
    return owners[0]
