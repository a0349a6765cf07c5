"""The namespace that the soak works in, and what is there of others."""

from __future__ import annotations

import time
from dataclasses import dataclass

from cluster.support.account import give_role
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.objects import foreign_service, foreign_stateful_set

from soak.admin import Admin

NAMESPACE = "soak"
#: More than this, in the units of Kubernetes, no container may ask for.
MOST_CPU = "500m"
#: The name of a StatefulSet and a Service that are somebody else's.
THEIRS = "theirs"
#: How long, in seconds, the cluster's controllers write to new objects.
SETTLE = 3.0


@dataclass(frozen=True)
class Foreign:
    """An object of somebody else, as it was at the start."""

    title: str
    path: str
    uid: str
    version: str

    def change(self, admin: Admin) -> str | None:
        """Returns what has become of it, if anything has."""
        now = admin.until_answered("GET", self.path)
        if now is None:
            return f"{self.title} is gone"
        if now["metadata"]["uid"] != self.uid:
            return f"{self.title} was replaced by another one"
        if now["metadata"]["resourceVersion"] != self.version:
            return f"{self.title} was changed"
        return None


def furnish(kubernetes: Kubernetes) -> None:
    """Makes the namespace, the connectors' account, a limit and somebody else's objects."""
    kubernetes.create_namespace()
    wait_until(lambda: kubernetes.get("serviceaccount", "default"), "the namespace's service account")
    give_role(kubernetes)
    # A StatefulSet that nothing marks as ours, a Service beside it, and one of each whose name is like a generated one.
    like_ours = "k8s-dataservice-000000000000"
    kubernetes.apply(
        limit_range(),
        *(made for name in (THEIRS, like_ours) for made in (foreign_stateful_set(name), foreign_service(name))),
    )
    time.sleep(SETTLE)


def foreign_objects(admin: Admin) -> list[Foreign]:
    """Returns everything in the namespace that services consist of and that is not ours, as it is now."""
    found = []
    for kind, collection in (("StatefulSet", admin.stateful_sets), ("Service", admin.services)):
        for item in (admin.until_answered("GET", collection) or {})["items"]:
            meta = item["metadata"]
            path = f"{collection}/{meta['name']}"
            found.append(Foreign(f"{kind} {meta['name']}", path, meta["uid"], meta["resourceVersion"]))
    return found


def limit_range() -> Object:
    """Returns a limit that refuses the pods of a service that asks for too much."""
    limit = {"type": "Container", "max": {"cpu": MOST_CPU}}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": {"limits": [limit]}}
