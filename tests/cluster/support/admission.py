"""Waits until the API server asks a webhook or a policy that was made a moment ago."""

from __future__ import annotations

import json

from cluster.support.api import ApiError, path_of
from cluster.support.kubernetes import Kubernetes, Object, wait_until

#: The name of the objects whose creation is tried: no test has one of this name.
PROBE = "admission-probe"


def probe_pod() -> Object:
    """Returns a pod to be tried."""
    limits = {"cpu": "1", "memory": "64Mi"}
    spec = {"containers": [{"name": "c", "image": "i", "resources": {"limits": limits}}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": PROBE}, "spec": spec}


def try_create(kubernetes: Kubernetes, probe: Object) -> str:
    """Creates an object in a dry run, and returns the API server's answer or its error."""
    try:
        collection = path_of(probe, kubernetes.namespace).rpartition("/")[0]
        return json.dumps(kubernetes.request("POST", collection, probe, dryRun="All"))
    except ApiError as error:
        return str(error)


def wait_for_admission(kubernetes: Kubernetes, probe: Object, words: str) -> None:
    """Waits until the answer to an object's creation has these words."""
    wait_until(lambda: words in try_create(kubernetes, probe), f"admission to answer {words!r}")
