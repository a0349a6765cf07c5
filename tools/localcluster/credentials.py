"""Every certificate and kubeconfig of a cluster."""

from __future__ import annotations

from localcluster import kubeconfig
from localcluster.certificates import CertificateAuthority
from localcluster.layout import Layout
from localcluster.record import ClusterRecord

_SERVER_NAMES = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                 "kubernetes.default.svc.cluster.local"]  # fmt: skip


def make(layout: Layout, record: ClusterRecord, node_name: str) -> None:
    """Make all certificates and kubeconfigs in the cluster's folder."""
    authority = CertificateAuthority(layout.certificate_authority.certificate.parent)
    addresses = sorted({"127.0.0.1", record.node_ip, record.service_ip})
    authority.server("kube-apiserver", addresses, _SERVER_NAMES)
    authority.client("kube-apiserver-to-kubelet", "kube-apiserver-to-kubelet", "system:masters")
    authority.server("kubelet-server", [record.node_ip], [node_name])

    logins = {
        "kube-controller-manager": authority.client("kube-controller-manager", "system:kube-controller-manager"),
        "kube-scheduler": authority.client("kube-scheduler", "system:kube-scheduler"),
        "kubelet": authority.client("kubelet", f"system:node:{node_name}", "system:nodes"),
        "administrator": authority.client("administrator", "administrator", "system:masters"),
    }
    context = f"localcluster-{record.name}"
    own = authority.own.certificate
    for component, login in logins.items():
        kubeconfig.write(layout.component_kubeconfig(component), context, record.api_server, own, login)
    kubeconfig.write(layout.kubeconfig, context, record.api_server, own, logins["administrator"])
