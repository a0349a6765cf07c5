"""A cluster as its users see it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType

from localcluster import fake_nodes, images
from localcluster.api import Api
from localcluster.binaries import build_all
from localcluster.components import Components
from localcluster.errors import LocalClusterError
from localcluster.go_modules import KWOK, kubernetes
from localcluster.layout import Layout
from localcluster.locks import locked
from localcluster.objects import node_is_ready
from localcluster.paths import cluster_folder
from localcluster.processes import is_alive, stop
from localcluster.progress import Progress, silent
from localcluster.record import ClusterRecord
from localcluster.startup import bring_up, is_up, lock_of
from localcluster.teardown import take_down
from localcluster.versions import chosen_version


class LocalCluster:
    """A Kubernetes cluster on this machine.

    Usage:
        >>> with LocalCluster.start("example") as cluster:
        ...     cluster.kubectl("get", "nodes")
    """

    def __init__(self, record: ClusterRecord) -> None:
        """Use `start` or `attach` instead."""
        self._record = record
        self._layout = Layout(cluster_folder(record.name))

    @classmethod
    def start(
        cls, name: str = "default", progress: Progress = silent, *, bare: bool = False, kubernetes: str | None = None
    ) -> LocalCluster:
        """Bring a cluster up and wait until it takes pods; one that is up already is used as it is.

        Args:
            name: Its name.
            progress: Told of each step.
            bare: Bring up the API server and etcd only. Objects stay as they are written: nothing acts on them.
            kubernetes: The version, such as 1.36; without it, the environment variable KUBERNETES decides.

        Raises:
            LocalClusterError: It could not be brought up, or is up with another version.
        """
        return cls(bring_up(name, progress, bare=bare, wanted=chosen_version(kubernetes)))

    @classmethod
    def attach(cls, name: str = "default") -> LocalCluster:
        """Use a cluster that is up already.

        Raises:
            LocalClusterError: It is not up.
        """
        record = ClusterRecord.load(cluster_folder(name))
        if record is None or not is_up(record):
            raise LocalClusterError(
                f"The cluster {name} is not up. Bring it up with `python3 -m localcluster up --name {name}`."
            )
        return cls(record)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self._record.name

    @property
    def version(self) -> str:
        """The version of Kubernetes, such as 1.36.3."""
        return self._record.kubernetes

    @property
    def context(self) -> str:
        """The name of its kubeconfig's context."""
        return f"localcluster-{self.name}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._layout.kubeconfig

    @property
    def runs_real_pods(self) -> bool:
        """Whether containers run; otherwise pods only turn Ready."""
        return self._record.runs_real_pods

    @property
    def why_no_real_pods(self) -> str | None:
        """Why containers do not run, as a sentence."""
        return self._record.why_no_real_pods

    @property
    def api_server(self) -> str:
        """The API server's URL, here and inside pods."""
        return self._record.api_server

    @property
    def etcd(self) -> str:
        """The URL of etcd, which takes anybody's requests, from this machine only."""
        process = self._record.process("etcd")
        assert process is not None
        option = "--advertise-client-urls="
        return next(part.removeprefix(option) for part in process.command if part.startswith(option))

    @property
    def certificate_authority(self) -> Path:
        """The certificate that signed the API server's."""
        return self._layout.certificate_authority.certificate

    @property
    def node_ip(self) -> str:
        """The node's address: the bridge's, or loopback without real pods."""
        return self._record.node_ip

    @property
    def dns_ip(self) -> str | None:
        """The address of the DNS server, if there are real pods to ask it."""
        return self._record.node_ip if self.runs_real_pods else None

    @property
    def logs(self) -> Path:
        """The folder with a log per component."""
        return self._layout.logs

    @property
    def kubectl_program(self) -> Path:
        """The kubectl of the cluster's own version."""
        return build_all([kubernetes(self.version)], silent)["kubectl"]

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl against this cluster.

        Args:
            arguments: kubectl's own.
            input: What it reads from standard input, as for `apply -f -`.
            check: Raise if it fails.

        Raises:
            LocalClusterError: It failed, with what it wrote to standard error.
        """
        result = subprocess.run(
            [str(self.kubectl_program), "--kubeconfig", str(self.kubeconfig), *arguments],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and result.returncode != 0:
            raise LocalClusterError(f"`kubectl {' '.join(arguments)}` failed: {result.stderr.strip()}")
        return result

    def tag_image(self, image: str) -> None:
        """Let pods use the cluster's busybox image by one more name, without a registry."""
        containerd = self._record.process("containerd")
        if containerd is not None:
            images.tag_image(containerd, image)

    def stop_api_server(self) -> None:
        """End the API server, as an outage does; `restart_api_server` brings it back."""
        stop([process for process in self._record.processes if process.component == "kube-apiserver"], patience=5.0)

    def restart_api_server(self) -> None:
        """End the API server and start it again with the same arguments, at the same address and on the same data."""
        self._restart("kube-apiserver")

    def restart_etcd(self) -> None:
        """End etcd and start it again on the same data; return when the API server can use it."""
        self._restart("etcd")

    def _restart(self, component: str) -> None:
        with locked(lock_of(self.name)):
            # Another process may have restarted it since this object was made.
            self._record = ClusterRecord.load(self._layout.folder) or self._record
            process = next(process for process in self._record.processes if process.component == component)
            stop([process], patience=5.0)
            components = Components(self._layout, self._record, silent)
            components.start(process.component, process.command)
            components.wait("the API server", Api(self.api_server, self._layout).is_ready)

    def add_fake_nodes(self, count: int) -> list[str]:
        """Add nodes on which pods turn Ready without running; return their names.

        Beside a real node, only pods that tolerate the taint `localcluster/fake-node` and select the label
        `localcluster/fake-node=true` should go there.
        """
        programs = build_all([KWOK], silent)
        api = Api(self.api_server, self._layout)
        with locked(lock_of(self.name)):
            self._record = ClusterRecord.load(self._layout.folder) or self._record
            components = Components(self._layout, self._record, silent)
            if not any(process.component == "kwok" and is_alive(process) for process in self._record.processes):
                components.start("kwok", fake_nodes.kwok(programs, self._layout, self._record))
            names = [f"fake-{number}" for number in range(count)]
            for name in names:
                fake_nodes.create_node(api, name, apart=self.runs_real_pods)
            components.wait("the fake nodes", lambda: all(node_is_ready(api, name) for name in names))
        return names

    def stop(self) -> None:
        """Take the cluster down and remove everything of it; nothing happens if it is down."""
        with locked(lock_of(self.name)):
            take_down(self._layout.folder)

    def __enter__(self) -> LocalCluster:
        """Return the cluster."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the cluster down."""
        self.stop()
