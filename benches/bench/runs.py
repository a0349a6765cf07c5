"""Very many runs of Flyte and the services that they hold, on an API server without controllers."""

from __future__ import annotations

import json
import time
from copy import deepcopy

from bench.bare import BareCluster
from bench.calls import running_service
from bench.copies import copy_all
from bench.errors import BenchError
from bench.population import write
from bench.raw_api import NAMESPACE, STATEFUL_SETS, Object, RawApi
from bench.stage import Stage
from bench.written import PLACEHOLDER, Service

#: The suffixes of the names of the services of a run, which are those of the run otherwise.
SUFFIXES = ("-a", "-b")

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "flyteworkflows.flyte.lyft.com"},
    "spec": {
        "group": "flyte.lyft.com",
        "names": {"kind": "FlyteWorkflow", "plural": "flyteworkflows", "singular": "flyteworkflow"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
_SERVED_WITHIN = 30.0
_GONE_WITHIN = 150.0
#: The patch of flytepropeller when a run has succeeded.
_ENDED: Object = {
    "metadata": {"labels": {"termination-status": "terminated", "completed-time": "2026-01-01.00"}},
    "status": {"phase": 3},
}


def define_runs(api: RawApi) -> None:
    """Makes the API server serve FlyteWorkflows.

    Raises:
        BenchError: It does not.
    """
    name = _DEFINITION["metadata"]["name"]
    if api.request("GET", f"{_DEFINITIONS}/{name}")[0] == 404:
        api.make(_DEFINITIONS, _DEFINITION)
    end = time.monotonic() + _SERVED_WITHIN
    while True:
        try:
            # An API server that does not know the kind yet answers with a page.
            api.text(_runs(NAMESPACE))
        except BenchError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


def write_runs(stage: Stage, bare: BareCluster, names: list[str]) -> None:
    """Writes runs that go on, each with two services that are bound to it."""
    original, *others = names
    run = begin_run(bare.api, NAMESPACE, original)
    made = stage.manifests([running_service(PLACEHOLDER) | {"Replicas": 0, "Lifetime": "run"}])[0]
    stateful_set = next(each for each in made if each["kind"] == "StatefulSet")
    uids, keys = [run["metadata"]["uid"]], [f"/registry/flyte.lyft.com/flyteworkflows/{NAMESPACE}/{original}"]
    for suffix in SUFFIXES:
        name = f"{original}{suffix}"
        holder = {"kind": "FlyteWorkflow", "namespace": NAMESPACE, "name": original, "uid": uids[0]}
        holder |= {"owner": f"owner-of-{name}", "since": "2026-01-01T00:00:00Z"}
        annotated = deepcopy(stateful_set)
        annotated["metadata"]["annotations"][f"holder.k8sdataservice.flyte.org/{name}"] = json.dumps(holder)
        written, *_ = write(bare.api, NAMESPACE, json.dumps(annotated), Service(name), pods=0)
        uids.append(written["metadata"]["uid"])
        keys.append(f"/registry/statefulsets/{NAMESPACE}/{name}")
    copy_all(bare.etcd, [bare.etcd.read(key) for key in keys], uids, original, others, stage.progress)


def begin_run(api: RawApi, namespace: str, name: str) -> Object:
    """Makes a run that goes on, and returns it."""
    workflow = {
        "apiVersion": "flyte.lyft.com/v1alpha1",
        "kind": "FlyteWorkflow",
        "metadata": {"name": name, "labels": {"execution-id": name}},
        "spec": {"id": "a workflow", "nodes": {}},
        "status": {"phase": 1},
    }
    return api.make(_runs(namespace), workflow)


def end_run(api: RawApi, namespace: str, name: str) -> None:
    """Ends a run as flytepropeller does for a success.

    Raises:
        BenchError: The API server refused.
    """
    status, answer = api.request("PATCH", f"{_runs(namespace)}/{name}", _ENDED)
    if status != 200:
        raise BenchError(f"The API server answered {status} to the end of a run: {answer.get('message', '')}")


def until_gone(bare: BareCluster, name: str) -> float:
    """Waits until the services of a run are gone, and returns the moment.

    Raises:
        BenchError: They stay.
    """
    end = time.monotonic() + _GONE_WITHIN
    left = [f"{STATEFUL_SETS}/{name}{suffix}" for suffix in SUFFIXES]
    while left := [path for path in left if bare.api.request("GET", path)[0] != 404]:
        if time.monotonic() > end:
            raise BenchError(f"{_GONE_WITHIN:.0f} s after the end of run {name} there are still {left}.")
        time.sleep(0.02)
    return time.monotonic()


def _runs(namespace: str) -> str:
    return f"/apis/flyte.lyft.com/v1alpha1/namespaces/{namespace}/flyteworkflows"
