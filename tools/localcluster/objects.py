"""The objects that every cluster starts with."""

from __future__ import annotations

from localcluster import provisioner
from localcluster.api import Api

NAMESPACE = "flyte"
NAMESPACES = "/api/v1/namespaces"


def create(api: Api) -> None:
    """Create the default StorageClass and the namespace for services."""
    api.create(
        "/apis/storage.k8s.io/v1/storageclasses",
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": provisioner.STORAGE_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": provisioner.NAME,
            "reclaimPolicy": "Delete",
            # With immediate binding every new pod leaves a warning that it has no volume yet.
            "volumeBindingMode": "WaitForFirstConsumer",
        },
    )
    api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})


def create_what_controllers_would(api: Api) -> None:
    """Create the account that the API server wants to find for every pod."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    api.create(f"{NAMESPACES}/{NAMESPACE}/serviceaccounts", account)


def pods_can_be_created(api: Api) -> bool:
    """Tell whether the namespace has what every pod mounts."""
    namespace = f"{NAMESPACES}/{NAMESPACE}"
    return all(api.get(f"{namespace}/{path}") for path in ("serviceaccounts/default", "configmaps/kube-root-ca.crt"))


def node_is_ready(api: Api, node_name: str) -> bool:
    """Tell whether the node may be given pods."""
    node = api.get(f"/api/v1/nodes/{node_name}") or {}
    conditions = node.get("status", {}).get("conditions", [])
    is_ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    # A node that has just turned Ready keeps the taint until the controller manager has noticed.
    return is_ready and not any(taint["key"].endswith("/not-ready") for taint in node["spec"].get("taints", []))
