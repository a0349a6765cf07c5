"""Writing the objects of many services straight to an API server."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from bench.calls import running_service
from bench.errors import BenchError
from bench.progress import Progress
from bench.raw_api import Object, RawApi
from bench.stage import Stage
from bench.written import PLACEHOLDER, PODS_EACH, Service

_WRITERS = 16
_PATIENCE = 600.0
_SECONDS_BETWEEN_REPORTS = 20.0


def template(stage: Stage) -> str:
    """Returns the StatefulSet that our connector makes of a service of two pods, under the placeholder's name."""
    stateful_set = stage.manifests([running_service(PLACEHOLDER) | {"Replicas": PODS_EACH}])[0]
    return json.dumps(next(made for made in stateful_set if made["kind"] == "StatefulSet"))


def make_namespace(api: RawApi, namespace: str) -> None:
    """Makes a namespace that takes pods without any controller."""
    api.make("/api/v1/namespaces", {"metadata": {"name": namespace}})
    api.make(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}})


def write(api: RawApi, namespace: str, template: str, services: Sequence[Service], progress: Progress) -> None:
    """Writes all objects of all services with their states, many at once.

    Raises:
        BenchError: It takes too long.
    """
    began = reported = time.monotonic()
    with ThreadPoolExecutor(_WRITERS) as threads:
        writes = [threads.submit(_write, api, namespace, template, service) for service in services]
        try:
            for done, each in enumerate(as_completed(writes), start=1):
                each.result()
                now = time.monotonic()
                if now - began > _PATIENCE:
                    raise BenchError(
                        f"Only {done:,} of {len(services):,} services could be written in {_PATIENCE:.0f} s. "
                        "Measure with fewer: --services."
                    )
                if now - reported > _SECONDS_BETWEEN_REPORTS:
                    progress(f"writing services: {done:,} of {len(services):,}")
                    reported = now
        finally:
            for each in writes:
                each.cancel()


def _write(api: RawApi, namespace: str, template: str, service: Service) -> None:
    stateful_sets = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"
    pods = f"/api/v1/namespaces/{namespace}/pods"
    made = api.make(stateful_sets, service.stateful_set(template))
    _set_status(api, f"{stateful_sets}/{service.name}", service.stateful_set_status())
    for number in range(PODS_EACH):
        pod = api.make(pods, service.pod(made, number))
        _set_status(api, f"{pods}/{pod['metadata']['name']}", service.pod_status(pod, number))
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    api.make(slices, service.endpoint_slice(made))


def _set_status(api: RawApi, path: str, status: Object) -> None:
    code, answer = api.request("PATCH", f"{path}/status", {"status": status})
    if code != 200:
        raise BenchError(f"The API server answered {code} to PATCH {path}/status: {answer.get('message', '')}")
