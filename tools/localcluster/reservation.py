"""Choosing what a new cluster uses of the machine, so that no other cluster gets the same."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from localcluster.locks import locked
from localcluster.network import free_port, free_subnets, is_free_port, make_bridge
from localcluster.paths import clusters_folder
from localcluster.private_mounts import missing_folders
from localcluster.record import ClusterRecord, boot_id

HTTPS_PORT = 443


def reserve(name: str, folder: Path, kubernetes: str, why_no_real_pods: str | None) -> ClusterRecord:
    """Write down what the cluster will use, then make its bridge."""
    real = why_no_real_pods is None
    # A hash, because names of network interfaces end at 15 characters.
    short = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
    with locked(clusters_folder() / ".addresses.lock"):
        others = recorded_clusters()
        subnets = free_subnets(subnet for other in others for subnet in (other.pod_subnet, other.service_subnet))
        record = ClusterRecord(
            name=name,
            kubernetes=kubernetes,
            run=secrets.token_hex(16),
            boot=boot_id(),
            runs_real_pods=real,
            why_no_real_pods=why_no_real_pods,
            bridge=f"lc-{short}",
            cgroup=f"localcluster-{short}",
            pod_subnet=str(subnets.pods),
            service_subnet=str(subnets.services),
            node_ip=subnets.node_ip if real else "127.0.0.1",
            service_ip=subnets.service_ip,
            api_server_address=subnets.service_ip if real else "127.0.0.1",
        )
        if real:
            # An address that another cluster still needs stays until the last of the two is taken down.
            made = {path for other in others for path in other.made_folders} | set(missing_folders())
            record.made_folders = sorted(made)
        # Before the bridge is made, so that it is removed even if this process is killed in between.
        record.save(folder)
        if real:
            make_bridge(record.bridge, subnets)
        record.api_server_port = _api_server_port(record)
        record.save(folder)
    return record


def recorded_clusters() -> list[ClusterRecord]:
    """Return the records of all clusters, up or not."""
    found = clusters_folder().glob("*/cluster.json")
    records = (ClusterRecord.load(path.parent) for path in sorted(found))
    return [record for record in records if record is not None]


def _api_server_port(record: ClusterRecord) -> int:
    # Pods find the API server at the first service address, port 443, without kube-proxy: it listens right there.
    if record.runs_real_pods and is_free_port(record.api_server_address, HTTPS_PORT):
        return HTTPS_PORT
    return free_port(record.api_server_address)
