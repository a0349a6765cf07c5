"""The command lines of etcd, the API server, the controller manager and the scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from localcluster.layout import Layout
from localcluster.record import ClusterRecord


def etcd(programs: Mapping[str, Path], layout: Layout, client_port: int, peer_port: int) -> list[str]:
    """Return etcd's command line; it listens on loopback only."""
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return [
        str(programs["etcd"]),
        f"--data-dir={layout.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        # A test cluster need not survive a power cut, and its disk is shared with compilers.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server(programs: Mapping[str, Path], layout: Layout, record: ClusterRecord, etcd_port: int) -> list[str]:
    """Return the API server's command line; it listens on one address only."""
    serving = layout.certificate("kube-apiserver")
    to_kubelet = layout.certificate("kube-apiserver-to-kubelet")
    return [
        str(programs["kube-apiserver"]),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--bind-address={record.api_server_address}",
        f"--secure-port={record.api_server_port}",
        # Where it listens on loopback, it would look for another address of the machine to advertise.
        f"--advertise-address={record.service_ip}",
        f"--service-cluster-ip-range={record.service_subnet}",
        f"--client-ca-file={layout.certificate_authority.certificate}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--kubelet-certificate-authority={layout.certificate_authority.certificate}",
        f"--kubelet-client-certificate={to_kubelet.certificate}",
        f"--kubelet-client-key={to_kubelet.key}",
        # Otherwise logs and exec look up the node's name, which no DNS server knows.
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={layout.service_account_key}",
        f"--service-account-signing-key-file={layout.service_account_key}",
        # It would publish an address for the Service `kubernetes`, which needs none: it is the API server's own.
        "--endpoint-reconciler-type=none",
        "--allow-privileged=true",
        "--profiling=false",
        # Tests bring up many objects at once; being throttled is not what they are about.
        "--max-requests-inflight=1600",
        "--max-mutating-requests-inflight=800",
    ]


def controller_manager(programs: Mapping[str, Path], layout: Layout) -> list[str]:
    """Return the controller manager's command line."""
    login = layout.component_kubeconfig("kube-controller-manager")
    return [
        str(programs["kube-controller-manager"]),
        f"--kubeconfig={login}",
        f"--authentication-kubeconfig={login}",
        f"--authorization-kubeconfig={login}",
        f"--root-ca-file={layout.certificate_authority.certificate}",
        f"--service-account-private-key-file={layout.service_account_key}",
        f"--cluster-signing-cert-file={layout.certificate_authority.certificate}",
        f"--cluster-signing-key-file={layout.certificate_authority.key}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        # How soon a node that turned Ready gets pods; the default of 5 s would be most of the start.
        "--node-monitor-period=1s",
        # Each controller logs in on its own, and the default of 20 requests a second makes the last ones wait.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        # 0 means not to listen at all.
        "--secure-port=0",
    ]


def scheduler(programs: Mapping[str, Path], layout: Layout) -> list[str]:
    """Return the scheduler's command line."""
    login = layout.component_kubeconfig("kube-scheduler")
    return [
        str(programs["kube-scheduler"]),
        f"--kubeconfig={login}",
        f"--authentication-kubeconfig={login}",
        f"--authorization-kubeconfig={login}",
        "--leader-elect=false",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--secure-port=0",
    ]
