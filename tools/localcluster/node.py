"""A real node: containerd and a kubelet that run pods on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from localcluster.images import PAUSE_IMAGE
from localcluster.layout import Layout
from localcluster.private_mounts import CONTAINERD_SOCKET, KUBELET_FOLDER, covering, in_namespace_of, in_new_namespace
from localcluster.record import ClusterRecord
from localcluster.versions import KUBELET_FIELDS, lacks

_EVICTION_SIGNALS = (
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "pid.available",
)


def socket_file(layout: Layout) -> Path:
    """Return containerd's socket as seen from outside the node's mount namespace."""
    return covering(layout.folder / "covers", str(Path(CONTAINERD_SOCKET).parent)) / Path(CONTAINERD_SOCKET).name


def containerd(layout: Layout, record: ClusterRecord, registries: Path) -> list[str]:
    """Write containerd's configuration and return its command line.

    Args:
        layout: Where to write it.
        record: The cluster.
        registries: The folder that says where images are pulled from.
    """
    network_folder = layout.configuration / "network"
    network_folder.mkdir(parents=True, exist_ok=True)
    (network_folder / "bridge.conflist").write_text(json.dumps(_pod_network(layout, record), indent=2))
    configuration = layout.configuration / "containerd.toml"
    configuration.write_text(_containerd_configuration(layout, network_folder, registries))
    command = ["/usr/bin/containerd", "--config", str(configuration)]
    return in_new_namespace(layout.folder / "covers", command)


def kubelet(
    programs: Mapping[str, Path], layout: Layout, record: ClusterRecord, node_name: str, port: int, containerd_pid: int
) -> list[str]:
    """Write the kubelet's configuration and return its command line."""
    # An empty one, so that lookups in tests do not depend on the machine's own search domains.
    resolver = layout.configuration / "resolv.conf"
    resolver.write_text("")
    configuration = layout.configuration / "kubelet.json"
    configuration.write_text(json.dumps(_kubelet_configuration(layout, record, port, resolver), indent=2))
    command = [
        str(programs["kubelet"]),
        f"--config={configuration}",
        f"--kubeconfig={layout.component_kubeconfig('kubelet')}",
        f"--root-dir={KUBELET_FOLDER}",
        f"--hostname-override={node_name}",
        f"--node-ip={record.node_ip}",
    ]
    return in_namespace_of(containerd_pid, command)


def _containerd_configuration(layout: Layout, network_folder: Path, registries: Path) -> str:
    # Strings of JSON are strings of TOML too.
    def quoted(value: str | Path) -> str:
        return json.dumps(str(value))

    runtime = "plugins.'io.containerd.grpc.v1.cri'"
    return f"""version = 2
root = {quoted(layout.folder / "containerd")}
state = {quoted(layout.folder / "containerd-state")}

[grpc]
address = {quoted(CONTAINERD_SOCKET)}

[plugins.'io.containerd.internal.v1.opt']
path = {quoted(layout.folder / "containerd" / "opt")}

[{runtime}]
sandbox_image = {quoted(PAUSE_IMAGE)}
# Without CAP_SYS_RESOURCE no process may make itself harder to kill, and every sandbox would fail.
restrict_oom_score_adj = true
# In the cluster's folder rather than in one that all container runtimes of the machine share.
netns_mounts_under_state_dir = true
disable_apparmor = true

[{runtime}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = {quoted(network_folder)}

[{runtime}.registry]
config_path = {quoted(registries)}

[{runtime}.containerd]
snapshotter = "overlayfs"

[{runtime}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{runtime}.containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def _pod_network(layout: Layout, record: ClusterRecord) -> dict[str, object]:
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": record.bridge,
                # The bridge has its address already; as a gateway the plugin would turn on forwarding for the machine.
                "isGateway": False,
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(layout.folder / "pod-addresses"),
                    "ranges": [[{"subnet": record.pod_subnet, "gateway": record.node_ip}]],
                    "routes": [{"dst": "0.0.0.0/0", "gw": record.node_ip}],
                },
            }
        ],
    }


def _kubelet_configuration(layout: Layout, record: ClusterRecord, port: int, resolver: Path) -> dict[str, object]:
    serving = layout.certificate("kubelet-server")
    fields = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": record.node_ip,
        "port": port,
        "healthzPort": 0,
        "readOnlyPort": 0,
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.key),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.certificate_authority.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        # A root of its own: a kubelet tidies away pod groups below its root that it does not know.
        "cgroupRoot": f"/{record.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [record.node_ip],
        "resolvConf": str(resolver),
        "podLogsDir": str(layout.folder / "pod-logs"),
        "volumePluginDir": f"{KUBELET_FOLDER}/volume-plugins",
        "maxPods": 110,
        "serializeImagePulls": False,
        # The machine's disk and memory belong to others too; what they use must not evict a test's pods.
        "evictionHard": dict.fromkeys(_EVICTION_SIGNALS, "0%"),
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "imageMaximumGCAge": "0s",
        # Tests wait for these; the defaults are made for fleets.
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
        "configMapAndSecretChangeDetectionStrategy": "Watch",
    }
    unknown = {field for field, since in KUBELET_FIELDS.items() if lacks(record.kubernetes, since)}
    return {field: value for field, value in fields.items() if field not in unknown}
