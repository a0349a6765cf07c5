"""The configuration of a data service."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import Any

from flytekit import PodTemplate, Resources


@dataclass
class DataServiceConfig:
    """What a ``DataServiceTask`` brings up, or which existing service it uses.

    Attributes:
        Name: The name of the StatefulSet, of its Service and, with a number, of its pods: at most 52 lower-case
            letters, digits and hyphens, starting with a letter. Default: ``k8s-dataservice-`` and twelve hexadecimal
            digits, the same for every retry of the task within one execution.
        Requests: What each pod requests. ``mem`` becomes Kubernetes's ``memory``, ``gpu`` becomes ``nvidia.com/gpu``.
            Default: 2 CPUs and 10 GB of memory, or the limits where they are lower.
        Limits: What each pod is limited to. Default: 6 CPUs and 16 GB of memory, or the requests where they are higher.
        Port: The port that the service listens on, 1 to 65535. The pods find it in ``SERVER_PORT`` and
            ``GE_BASE_PORT``. Default: 40000.
        Image: The container image. Required, unless ``ExistingReleaseName`` is set.
        Command: The command to run, a word per item. Default: the image's own.
        Replicas: The number of pods, 0 or more. The pods find it in ``GE_COUNT``. Default: 1.
        ExistingReleaseName: The name of a service that exists already. The task then makes nothing, ignores the fields
            above, succeeds when that service is ready, and never deletes it.
        Cluster: The kubeconfig context to use. A name that no context has means the default cluster. Default: the
            cluster that the connector runs in, else the kubeconfig's current context.
        PodTemplate: What else the pods are to have, in Kubernetes's own words: flytekit's ``PodTemplate``, a dictionary
            such as ``{"spec": {"nodeSelector": {"disk": "fast"}}}``, or the path of a YAML file, read where the task is
            registered. The fields above are merged over it, containers by their names; the service's own container is
            the one that the template calls ``primary``, or as its ``primaryContainerName`` says. Default: none.
    """

    Name: str | None = None
    Requests: Resources | None = None
    Limits: Resources | None = None
    Port: int | None = None
    Image: str | None = None
    # A command may hold a password, and what a log shows of a configuration is its repr.
    Command: list[str] | None = field(default=None, repr=False)
    Replicas: int | None = None
    ExistingReleaseName: str | None = None
    Cluster: str | None = None
    PodTemplate: PodTemplate | dict[str, Any] | str | PathLike[str] | None = field(default=None, repr=False)

    def to_wire(self) -> dict[str, Any]:
        """Returns the dictionary that travels in a task template, with the keys the plugin has always used."""
        wire: dict[str, Any] = {
            "Name": self.Name,
            "Image": self.Image,
            "Command": self.Command,
            "Port": self.Port,
            "Replicas": self.Replicas,
            "ExistingReleaseName": self.ExistingReleaseName,
            "Cluster": self.Cluster,
        }
        if self.Limits is not None:
            wire["Limits"] = asdict(self.Limits)
        if self.Requests is not None:
            wire["Requests"] = asdict(self.Requests)
        if self.PodTemplate is not None:
            from flytekitplugins_k8sdataservice import pod_template

            wire["PodTemplate"] = pod_template.to_wire(self.PodTemplate)
        return wire
