"""CoreDNS, so that the names of a headless Service's pods resolve inside pods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from localcluster.layout import Layout
from localcluster.record import ClusterRecord


def coredns(programs: Mapping[str, Path], layout: Layout, record: ClusterRecord, ready_port: int) -> list[str]:
    """Write CoreDNS's configuration and return its command line; it answers on the bridge's address."""
    configuration = layout.configuration / "Corefile"
    configuration.write_text(
        f""".:53 {{
    bind {record.node_ip}
    errors
    ready {record.node_ip}:{ready_port}
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {layout.kubeconfig}
        ttl 1
    }}
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
"""
    )
    return [str(programs["coredns"]), "-conf", str(configuration)]
