"""kwok, which plays the kubelet of nodes that do not exist: pods turn Running and Ready without running."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from localcluster.api import Api
from localcluster.layout import Layout
from localcluster.record import ClusterRecord

ANNOTATION = "kwok.x-k8s.io/node"
# The node selector and the toleration that pods need where fake nodes exist beside a real one.
LABEL = "localcluster/fake-node"
# Set aside for providers' own networks, so no real pod and hardly any machine has such an address.
POD_ADDRESSES = "100.64.0.0/12"


def kwok(programs: Mapping[str, Path], layout: Layout, record: ClusterRecord) -> list[str]:
    """Return kwok's command line."""
    return [
        str(programs["kwok"]),
        f"--kubeconfig={layout.kubeconfig}",
        # The bare program knows no stage in a pod's life.
        f"--config={programs['kwok'].with_name('stages.yaml')}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
        f"--node-ip={record.node_ip}",
        f"--cidr={POD_ADDRESSES}",
        "--node-lease-duration-seconds=40",
    ]


def create_node(api: Api, name: str, apart: bool) -> None:
    """Create a node for kwok to play.

    Args:
        api: The API server.
        name: The node's name.
        apart: Keep pods away that do not tolerate `localcluster/fake-node`, because there is a real node too.
    """
    taints = [{"key": LABEL, "value": "true", "effect": "NoSchedule"}] if apart else []
    api.create(
        "/api/v1/nodes",
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "annotations": {ANNOTATION: "fake"},
                "labels": {LABEL: "true", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
            },
            "spec": {"taints": taints},
        },
    )
