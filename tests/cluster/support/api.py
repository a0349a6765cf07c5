"""The API of a cluster for tests: they look ten times a second, and a kubectl for each look takes half the machine."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import kubernetes
import urllib3

#: Where the API serves the kinds that tests read: the path of the group's version, and the plural.
_KINDS = {
    "configmap": ("api/v1", "configmaps"),
    "endpointslice": ("apis/discovery.k8s.io/v1", "endpointslices"),
    "event": ("api/v1", "events"),
    "flyteworkflow": ("apis/flyte.lyft.com/v1alpha1", "flyteworkflows"),
    "job": ("apis/batch/v1", "jobs"),
    "lease": ("apis/coordination.k8s.io/v1", "leases"),
    "namespace": ("api/v1", "namespaces"),
    "networkpolicy": ("apis/networking.k8s.io/v1", "networkpolicies"),
    "node": ("api/v1", "nodes"),
    "persistentvolumeclaim": ("api/v1", "persistentvolumeclaims"),
    "pod": ("api/v1", "pods"),
    "poddisruptionbudget": ("apis/policy/v1", "poddisruptionbudgets"),
    "resourcequota": ("api/v1", "resourcequotas"),
    "rolebinding": ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "secret": ("api/v1", "secrets"),
    "service": ("api/v1", "services"),
    "serviceaccount": ("api/v1", "serviceaccounts"),
    "statefulset": ("apis/apps/v1", "statefulsets"),
    "taskaction": ("apis/flyte.org/v1", "taskactions"),
}
_KINDS |= {plural: (group, plural) for group, plural in _KINDS.values()}
_WITHOUT_NAMESPACE = frozenset(
    [
        "clusterrolebindings",
        "clusterroles",
        "customresourcedefinitions",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "namespaces",
        "nodes",
        "persistentvolumes",
        "priorityclasses",
        "runtimeclasses",
        "storageclasses",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    ]
)
#: The bodies of server-side apply and of a merge patch.
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
#: An API server that a test restarts is away for a few seconds.
_RETRY = urllib3.Retry(total=8, connect=8, read=2, backoff_factor=0.2, status=0, allowed_methods=None)


def path(kind: str, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
    """Returns where the API serves an object, or where it lists them.

    Args:
        kind: The kind as kubectl takes it, singular or plural.
        namespace: The namespace; None for all of them.
        name: The object's name; None for a list.
        subresource: Such as `token` or `status`.
    """
    group, plural = _KINDS[kind]
    scope = [] if namespace is None or plural in _WITHOUT_NAMESPACE else ["namespaces", namespace]
    return "/".join(["", group, *scope, plural, *filter(None, (name, subresource))])


def group_of(kind: str) -> str:
    """Returns the group of a kind, which is empty for the core's."""
    return _KINDS[kind][0].removeprefix("apis/").removeprefix("api/").rpartition("/")[0]


def path_of(manifest: dict[str, Any], namespace: str) -> str:
    """Returns where the API serves the object of a manifest, in this namespace unless the manifest names another."""
    version, kind = manifest["apiVersion"], manifest["kind"].lower()
    plural = kind[:-1] + "ies" if kind.endswith("y") else kind + ("es" if kind.endswith("s") else "s")
    root = "apis" if "/" in version else "api"
    namespace = manifest["metadata"].get("namespace", namespace)
    scope = [] if plural in _WITHOUT_NAMESPACE else ["namespaces", namespace]
    return "/".join(["", root, version, *scope, plural, manifest["metadata"]["name"]])


class ApiError(AssertionError):
    """The API server answered with an error."""

    def __init__(self, status: int, text: str) -> None:
        """Keeps the answer's code and its text."""
        super().__init__(f"{status}: {text}")
        self.status = status


def request(
    kubeconfig: Path, method: str, path: str, body: object = None, body_is: str = "application/json", **query: str
) -> dict[str, Any]:
    """Sends one request as the user of a kubeconfig, and returns the answer.

    Args:
        kubeconfig: The kubeconfig.
        method: The method.
        path: The path.
        body: The body, if any.
        body_is: Its content type.
        **query: The parameters.

    Raises:
        ApiError: The API server answered with an error.
    """
    client = _client(kubeconfig, kubeconfig.stat().st_mtime_ns)
    headers = {"Accept": "application/json", "Content-Type": body_is}
    prepared = client.param_serialize(
        method, path, query_params=list(query.items()), header_params=headers, body=body, auth_settings=["BearerToken"]
    )
    answer = client.call_api(*prepared, _request_timeout=30.0)
    text = answer.read().decode(errors="replace")
    if answer.status >= 400:
        raise ApiError(answer.status, text)
    read: dict[str, Any] = json.loads(text)
    return read


@functools.lru_cache(maxsize=64)
def _client(kubeconfig: Path, _changed: int) -> Any:
    configuration = kubernetes.client.Configuration()
    configuration.retries = _RETRY
    kubernetes.config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    return kubernetes.client.ApiClient(configuration)
