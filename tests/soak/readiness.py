"""Whether a StatefulSet is what a task that has succeeded says it is."""

from __future__ import annotations

from soak.admin import Object


def why_not_ready(stateful_set: Object | None, uid: str, replicas: int) -> str | None:
    """Returns what is missing, to finish the sentence "It was answered SUCCEEDED, but", or None."""
    if stateful_set is None:
        return "its StatefulSet is not there"
    meta, status = stateful_set["metadata"], stateful_set["status"]
    if meta["uid"] != uid:
        return f"the StatefulSet of its name has the uid {meta['uid']} instead of {uid}"
    if "deletionTimestamp" in meta:
        return "its StatefulSet is being deleted"
    if status.get("observedGeneration", 0) < meta["generation"]:
        return "Kubernetes has not even looked at its StatefulSet"
    if stateful_set["spec"]["replicas"] != replicas:
        return f"its StatefulSet asks for {stateful_set['spec']['replicas']} pods instead of {replicas}"
    ready = min(status.get("readyReplicas", 0), status.get("availableReplicas", 0))
    return f"{ready} of its {replicas} pods are ready" if ready < replicas else None
