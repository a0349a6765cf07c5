"""Addresses of a cluster: free ports, a free pair of subnets, and the bridge that pods are plugged into."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError

# Later ones are for machines whose network uses up the earlier ones; the last is set aside for benchmarks.
_CANDIDATES = [ipaddress.IPv4Network(network) for network in ("10.128.0.0/10", "172.20.0.0/14", "198.18.0.0/15")]


@dataclass(frozen=True)
class Subnets:
    """Where a cluster's pods and services have their addresses."""

    pods: ipaddress.IPv4Network
    services: ipaddress.IPv4Network

    @property
    def node_ip(self) -> str:
        """The bridge's address: the node's, and the DNS server's."""
        return str(self.pods[1])

    @property
    def service_ip(self) -> str:
        """The address of the Service `kubernetes`: Kubernetes takes the range's first."""
        return str(self.services[1])


def free_port(address: str) -> int:
    """Return a TCP port of `address` that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def is_free_port(address: str, port: int) -> bool:
    """Tell whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def free_subnets(promised: Iterable[str]) -> Subnets:
    """Return subnets that neither this machine's routes nor other clusters use.

    Args:
        promised: The subnets of the clusters that are recorded, whose bridge may not be there yet.
    """
    taken = [*_routed(), *(ipaddress.IPv4Network(subnet) for subnet in promised)]
    for pair in (pair for network in _CANDIDATES for pair in network.subnets(new_prefix=23)):
        if not any(pair.overlaps(other) for other in taken):
            pods, services = pair.subnets(new_prefix=24)
            return Subnets(ipaddress.IPv4Network(pods), ipaddress.IPv4Network(services))
    raise LocalClusterError(
        f"Every subnet of {', '.join(map(str, _CANDIDATES))} is in use. Take clusters down with `down --all`."
    )


def make_bridge(bridge: str, subnets: Subnets) -> None:
    """Make the bridge, with the node's address and the API server's.

    Pods reach both by their default route without any packet filter rule: both are this machine's own.
    """
    _ip("link", "add", bridge, "type", "bridge")
    # Addresses of a bridge without a fixed one follow its ports, and connections would hang when a pod leaves.
    _ip("link", "set", bridge, "address", _hardware_address(subnets.node_ip))
    _ip("address", "add", f"{subnets.node_ip}/{subnets.pods.prefixlen}", "dev", bridge)
    _ip("address", "add", f"{subnets.service_ip}/32", "dev", bridge)
    _ip("link", "set", bridge, "up")


def remove_bridge(bridge: str) -> None:
    """Remove the bridge if it is there; its addresses and routes go with it."""
    if (Path("/sys/class/net") / bridge).exists():
        _ip("link", "delete", bridge)


def _hardware_address(address: str) -> str:
    # 02 marks an address that is administered by hand.
    return ":".join(f"{part:02x}" for part in (0x02, 0x00, *ipaddress.IPv4Address(address).packed))


def _routed() -> list[ipaddress.IPv4Network]:
    """Read the main routing table; every address of this machine has a route in it."""
    networks = []
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        fields = line.split()
        # The kernel prints addresses as numbers in the machine's byte order.
        destination = socket.htonl(int(fields[1], 16)) & 0xFFFFFFFF
        mask = socket.htonl(int(fields[7], 16)) & 0xFFFFFFFF
        if mask:
            networks.append(ipaddress.IPv4Network((destination, bin(mask).count("1"))))
    return networks


def _ip(*arguments: str) -> None:
    result = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LocalClusterError(f"`ip {' '.join(arguments)}` failed: {result.stderr.strip()}")
