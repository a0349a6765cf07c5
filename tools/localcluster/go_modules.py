"""Which programs are built from which Go module."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

GO_FOLDER = Path(__file__).parent / "go"

_VERSION_VARIABLE = "k8s.io/component-base/version"


@dataclass(frozen=True)
class GoModule:
    """One folder below `go/`.

    Each has a go.mod of its own: in a common one their requirements would downgrade each other.
    """

    name: str
    title: str
    # Program name to the package that holds its main function.
    programs: dict[str, str]
    linker_flags: str = "-s -w"
    # Kept beside the programs: file name to what is joined into it, below the folder of the module `extras_from`.
    extras: dict[str, list[str]] = field(default_factory=dict)
    extras_from: str = ""
    # Where it is not the name: every version of Kubernetes has a folder.
    folder_name: str = ""

    @property
    def folder(self) -> Path:
        """The folder with go.mod and go.sum."""
        return GO_FOLDER / (self.folder_name or self.name)


KUBERNETES_PROGRAMS = {
    program: f"k8s.io/kubernetes/cmd/{program}"
    for program in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl")
}


def kubernetes(version: str) -> GoModule:
    """Return the module of one of the versions that `versions.py` lists."""
    major, minor, _ = version.split(".")
    return GoModule(
        name="kubernetes",
        title=f"Kubernetes {version}",
        folder_name=f"kubernetes-{major}.{minor}",
        programs=KUBERNETES_PROGRAMS,
        # Without a version the API server calls itself v0.0.0 and clients misjudge what it can do.
        linker_flags=" ".join(
            [
                "-s -w",
                f"-X {_VERSION_VARIABLE}.gitVersion=v{version}",
                f"-X {_VERSION_VARIABLE}.gitMajor={major}",
                f"-X {_VERSION_VARIABLE}.gitMinor={minor}",
            ]
        ),
    )


ETCD = GoModule(name="etcd", title="etcd", programs={"etcd": "go.etcd.io/etcd/server/v3"})
COREDNS = GoModule(name="coredns", title="CoreDNS", programs={"coredns": "."})
KWOK = GoModule(
    name="kwok",
    title="kwok",
    programs={"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
    extras={
        "stages.yaml": [
            "kustomize/stage/node/fast/node-initialize.yaml",
            "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
            "kustomize/stage/pod/fast/pod-ready.yaml",
            "kustomize/stage/pod/fast/pod-complete.yaml",
            "kustomize/stage/pod/fast/pod-delete.yaml",
        ]
    },
    extras_from="sigs.k8s.io/kwok",
)

#: The modules that are the same with every version of Kubernetes.
COMMON_MODULES = (ETCD, COREDNS, KWOK)
