"""Filling an API server with services that run, as far as anybody can tell."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bench.calls import running_service
from bench.copies import Etcd, copy_all
from bench.errors import BenchError
from bench.progress import Progress
from bench.raw_api import Object, RawApi
from bench.stage import Stage
from bench.written import PLACEHOLDER, PODS_EACH, Service


def template(stage: Stage) -> str:
    """Returns the StatefulSet that our connector makes of a service of two pods, under the placeholder's name."""
    made = stage.manifests([running_service(PLACEHOLDER) | {"Replicas": PODS_EACH}])[0]
    return json.dumps(next(each for each in made if each["kind"] == "StatefulSet"))


def make_namespace(api: RawApi, namespace: str) -> None:
    """Makes a namespace that takes pods without any controller."""
    api.make("/api/v1/namespaces", {"metadata": {"name": namespace}})
    api.make(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}})


def write(api: RawApi, namespace: str, template: str, service: Service, pods: int = PODS_EACH) -> list[Object]:
    """Writes all objects of a service, with their states, and returns them."""
    stateful_sets = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"
    all_pods = f"/api/v1/namespaces/{namespace}/pods"
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    made = api.make(stateful_sets, service.stateful_set(template))
    written = [made]
    _set_status(api, stateful_sets, service.name, service.stateful_set_status())
    for number in range(pods):
        pod = api.make(all_pods, service.pod(made, number))
        _set_status(api, all_pods, pod["metadata"]["name"], service.pod_status(pod, number))
        written.append(pod)
    return [*written, api.make(slices, service.endpoint_slice(made))]


def copy(
    etcd: Etcd,
    namespace: str,
    written: Sequence[Object],
    names: Sequence[str],
    progress: Progress,
    original: str | None = None,
) -> None:
    """Copies a service that was written under each of the names.

    Args:
        etcd: Where it was written.
        namespace: Its namespace.
        written: Its objects.
        names: The names of the copies.
        progress: Told how far it is.
        original: The name to replace, by default that of the first object.
    """
    kinds = {"StatefulSet": "statefulsets", "Pod": "pods", "EndpointSlice": "endpointslices", "Event": "events"}
    keys = [f"/registry/{kinds[each['kind']]}/{namespace}/{each['metadata']['name']}" for each in written]
    uids = [each["metadata"]["uid"] for each in written]
    copy_all(etcd, [etcd.read(key) for key in keys], uids, original or written[0]["metadata"]["name"], names, progress)


def _set_status(api: RawApi, collection: str, name: str, status: Object) -> None:
    path = f"{collection}/{name}/status"
    code, answer = api.request("PATCH", path, {"status": status})
    if code != 200:
        raise BenchError(f"The API server answered {code} to PATCH {path}: {answer.get('message', '')}")
