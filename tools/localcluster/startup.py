"""Bringing a cluster up, from nothing or from what a killed run left."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from localcluster import (
    cgroups,
    control_plane,
    credentials,
    dns,
    fake_nodes,
    images,
    node,
    objects,
    provisioner,
    registry,
)
from localcluster.api import Api
from localcluster.binaries import build_all
from localcluster.components import ComponentDiedError, Components
from localcluster.errors import LocalClusterError
from localcluster.go_modules import COREDNS, ETCD, KWOK, kubernetes
from localcluster.layout import Layout
from localcluster.locks import locked
from localcluster.network import free_port
from localcluster.node_choice import why_no_real_pods
from localcluster.packages import install, missing_packages
from localcluster.paths import cluster_folder, clusters_folder
from localcluster.processes import is_alive
from localcluster.progress import Progress
from localcluster.record import ClusterRecord, ProcessRecord, boot_id
from localcluster.reservation import reserve
from localcluster.teardown import take_down
from localcluster.versions import DEFAULT

ADDRESS_IN_USE = "address already in use"
BARE = "only an API server was asked for."


def is_up(record: ClusterRecord | None) -> bool:
    """Tell whether a cluster got ready and all of its processes still run."""
    return record is not None and record.ready and record.boot == boot_id() and all(map(is_alive, record.processes))


def lock_of(name: str) -> Path:
    """Return the lock that is held while a cluster is brought up or taken down."""
    return clusters_folder() / f".{name}.lock"


def node_name_of(name: str) -> str:
    """Return the name of a cluster's node."""
    return f"localcluster-{name}"


def bring_up(name: str, progress: Progress, *, bare: bool = False, wanted: str | None = None) -> ClusterRecord:
    """Return the record of a cluster that is ready, bringing it up unless it is.

    Args:
        name: Its name.
        progress: Told of each step.
        bare: Do without controllers, scheduler and node.
        wanted: The full version of Kubernetes; without it, that of a cluster that is up, or else the default.

    Raises:
        LocalClusterError: It could not be brought up, and nothing but its logs is left; or another version is up.
    """
    folder = cluster_folder(name)
    with locked(lock_of(name), lambda: progress(f"waiting for another process that works on the cluster {name}")):
        record = ClusterRecord.load(folder)
        if record is not None and is_up(record):
            if wanted not in (None, record.kubernetes):
                raise LocalClusterError(
                    f"The cluster {name} is up with Kubernetes {record.kubernetes}, not {wanted}. "
                    "Take it down first, or use another name."
                )
            return record
        if folder.exists():
            progress("cleaning up after an earlier run")
            take_down(folder)
        reason = BARE if bare else why_no_real_pods()
        version = wanted or DEFAULT
        programs = _prepare(version, reason, progress)
        for is_last_try in (False, True):
            try:
                return _start(name, Layout(folder), version, reason, programs, progress)
            except ComponentDiedError as error:
                take_down(folder, keep_logs=is_last_try)
                # Between choosing a free port and listening on it, any program may have taken it.
                if is_last_try or ADDRESS_IN_USE not in str(error):
                    raise
            except BaseException:
                take_down(folder, keep_logs=True)
                raise
    raise AssertionError("unreachable")


def _prepare(version: str, reason: str | None, progress: Progress) -> dict[str, Path]:
    real = reason is None
    missing = missing_packages() if real else []
    if missing:
        install(missing, progress)
    node_modules = [] if reason == BARE else [COREDNS] if real else [KWOK]
    return build_all([ETCD, *node_modules, kubernetes(version)], progress)


def _start(
    name: str, layout: Layout, version: str, reason: str | None, programs: Mapping[str, Path], progress: Progress
) -> ClusterRecord:
    progress("choosing addresses and making certificates")
    record = reserve(name, layout.folder, version, reason)
    credentials.make(layout, record, node_name_of(name))
    components = Components(layout, record, progress)

    etcd_port = free_port("127.0.0.1")
    components.start("etcd", control_plane.etcd(programs, layout, etcd_port, free_port("127.0.0.1")))
    components.start("kube-apiserver", control_plane.api_server(programs, layout, record, etcd_port))
    containerd = _start_containerd(layout, record, components, progress) if record.runs_real_pods else None
    api = Api(record.api_server, layout)
    components.wait("the API server", api.is_ready)
    objects.create(api)
    if reason == BARE:
        objects.create_what_controllers_would(api)
    else:
        components.start("kube-controller-manager", control_plane.controller_manager(programs, layout))
        components.start("kube-scheduler", control_plane.scheduler(programs, layout))
        components.start("provisioner", provisioner.command(layout, record.api_server))
        _bring_up_node(layout, record, programs, components, containerd, api)
    record.ready = True
    record.save(layout.folder)
    return record


def _bring_up_node(
    layout: Layout,
    record: ClusterRecord,
    programs: Mapping[str, Path],
    components: Components,
    containerd: ProcessRecord | None,
    api: Api,
) -> None:
    name = node_name_of(record.name)
    if containerd:
        _start_node(layout, record, programs, components, containerd)
    else:
        components.start("kwok", fake_nodes.kwok(programs, layout, record))
        fake_nodes.create_node(api, name, apart=False)
    components.wait("the node", lambda: objects.node_is_ready(api, name))
    components.wait(f"the namespace {objects.NAMESPACE}", lambda: objects.pods_can_be_created(api))


def _start_containerd(
    layout: Layout, record: ClusterRecord, components: Components, progress: Progress
) -> ProcessRecord:
    try:
        cgroups.make(record.cgroup)
    except OSError as error:
        raise LocalClusterError(
            f"The control group {record.cgroup} cannot be made: {error}. "
            "Set LOCALCLUSTER_NODE=kwok to do without real pods."
        ) from error
    registry_port = free_port("127.0.0.1")
    components.start("registry", registry.command(registry_port))
    registries = registry.write_configuration(layout.configuration / "registries", registry_port)
    containerd = components.start("containerd", node.containerd(layout, record, registries))
    progress("making the images")
    archives = images.make_images(layout.images)
    components.wait("containerd", lambda: images.is_listening(containerd, node.socket_file(layout)))
    for archive in archives:
        images.load_image(containerd, archive)
        archive.unlink()
    return containerd


def _start_node(
    layout: Layout,
    record: ClusterRecord,
    programs: Mapping[str, Path],
    components: Components,
    containerd: ProcessRecord,
) -> None:
    port = free_port(record.node_ip)
    components.start("kubelet", node.kubelet(programs, layout, record, node_name_of(record.name), port, containerd.pid))
    ready_port = free_port(record.node_ip)
    components.start("coredns", dns.coredns(programs, layout, record, ready_port))
    components.wait("CoreDNS", lambda: _answers(f"http://{record.node_ip}:{ready_port}/ready"))


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
