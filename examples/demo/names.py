"""Lets a program on this machine use the names that pods use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.place import Place
from demo.proxy import PodProxy


@contextmanager
def resolving(place: Place) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Yields a command's prefix and environment under which the names of the pods lead to the pods.

    On the local cluster its DNS server is asked, as in a pod: the command runs in a mount namespace of its own, where
    /etc/resolv.conf is what a pod has. On a given cluster, whose pods this machine need not reach, the API server
    passes the requests on.
    """
    environment = os.environ | {"KUBECONFIG": str(place.kubeconfig), "K8SDATASERVICE_NAMESPACE": place.namespace}
    if not place.dns_ip:
        with PodProxy(place) as proxy:
            yield [], environment | {"http_proxy": proxy.url}
        return
    domains = f"{place.namespace}.svc.cluster.local svc.cluster.local cluster.local"
    with tempfile.TemporaryDirectory() as folder:
        resolver = Path(folder) / "resolv.conf"
        resolver.write_text(f"nameserver {place.dns_ip}\nsearch {domains}\noptions ndots:5\n")
        script = 'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"'
        yield ["unshare", "--mount", "sh", "-c", script, str(resolver)], environment
