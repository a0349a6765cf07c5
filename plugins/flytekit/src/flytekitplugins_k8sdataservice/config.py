"""The configuration of a data service."""

# Annotations are evaluated here: flytekit's type engine reads `Field.type`, and cannot use a string.
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

from flytekit import Resources

if TYPE_CHECKING:
    from flytekit import PodTemplate, Secret
    from flytekit.extras.accelerators import BaseAccelerator

    KubernetesObject: TypeAlias = Any
    KubernetesObjects: TypeAlias = list[Any]
    Template: TypeAlias = PodTemplate | dict[str, Any] | str | PathLike[str]
    FlyteSecrets: TypeAlias = list[Secret]
    Device: TypeAlias = BaseAccelerator[Any] | dict[str, Any] | str
    Strategy: TypeAlias = Any
    LifetimeTerms: TypeAlias = str | dict[str, Any]
    Policy: TypeAlias = Any
else:
    # The type of a value on the wire, which is as much as Flyte's type engine can know.
    KubernetesObject = Template = dict
    KubernetesObjects = FlyteSecrets = list[dict]
    Device = Strategy = LifetimeTerms = str | dict
    Policy = bool | dict

#: The keys that the wire form has always had, also where nothing was said.
_ALWAYS = ("Name", "Image", "Command", "Port", "Replicas", "ExistingReleaseName", "Cluster")


# The schema of the configuration has the return annotations of these, and cannot have more than such simple ones.


def _object_to_wire(value: Any) -> dict:  # type: ignore[type-arg]
    wire: dict[str, Any] = _to_wire(value)
    return wire


def _objects_to_wire(value: Any) -> list:  # type: ignore[type-arg]
    wire: list[Any] = _to_wire(value)
    return wire


def _template_to_wire(value: Template) -> dict:  # type: ignore[type-arg]
    from flytekitplugins_k8sdataservice.wire import template_to_wire

    return template_to_wire(value)


def _to_wire(value: Any) -> Any:
    from flytekitplugins_k8sdataservice.wire import to_wire

    return to_wire(value)


def _secrets_of_wire(value: Any) -> FlyteSecrets:
    from flytekitplugins_k8sdataservice.wire import secrets_of_wire

    return secrets_of_wire(value)


def _as_it_is(value: Any) -> Any:
    return value


def _travels(to_wire: Callable[[Any], Any], read: Callable[[Any], Any] = _as_it_is, *, show: bool = True) -> Any:
    """Returns a field that travels in its wire form where the configuration is an input or an output of a task.

    Flyte's type engine would have to know how to write the types of flytekit and of the package ``kubernetes``.

    Args:
        to_wire: Returns the wire form. Flyte's schema of the configuration has its return annotation.
        read: Reads the wire form.
        show: Whether the configuration's repr has the value.
    """
    return field(default=None, repr=show, metadata={"serialize": to_wire, "deserialize": read})


@dataclass
class DataServiceConfig:
    """The service that a ``DataServiceTask`` starts, or the existing service that it uses.

    Nested values have the structure of the Kubernetes API: dictionaries, or the types of the package ``kubernetes``.
    ``docs/fields.md`` has an example of every field.

    Attributes:
        Name: The name of the StatefulSet, of its Service and, with a number, of its pods: at most 52 lower-case
            letters, digits and hyphens, starting with a letter. Default: ``k8s-dataservice-`` and twelve hexadecimal
            digits, the same for every retry of the task within one execution.
        Requests: What each pod requests. ``mem`` becomes Kubernetes's ``memory``, ``gpu`` becomes ``nvidia.com/gpu``.
            Default: 2 CPUs and 10 GB of memory, or the limits where they are lower.
        Limits: What each pod is limited to. Default: 6 CPUs and 16 GB of memory, or the requests where they are higher.
        Port: The port that the service listens on, 1 to 65535. The pods find it in ``SERVER_PORT`` and
            ``GE_BASE_PORT``. Default: the first of ``Ports``, else 40000.
        Image: The container image. Required, unless ``ExistingReleaseName`` is set.
        Command: The command to run, a word per item. Default: the image's own.
        Replicas: The number of pods, 0 or more. The pods find it in ``GE_COUNT``. Default: 1.
        ExistingReleaseName: The name of a service that exists already. The task then makes nothing, ignores all fields
            but ``Cluster`` and ``Namespace``, succeeds when that service is ready, and never deletes it.
        Cluster: The cluster to use: one of the platform's settings; where these have none, a kubeconfig context, and a
            name that no context has means the default cluster. Default: the cluster that the connector runs in, else
            the kubeconfig's current context.
        PodTemplate: What else the pods are to have, in Kubernetes's own words: flytekit's ``PodTemplate``, a dictionary
            such as ``{"spec": {"hostNetwork": True}}``, or the path of a YAML file, read where the task is registered.
            The other fields are merged over it, containers by their names; the service's own container is the one that
            the template calls ``primary``, or as its ``primaryContainerName`` says. Default: none.
        Args: The arguments of the command, a word per item. Default: the image's own.
        Env: Environment variables by name: a text, or where to take it from, such as
            ``{"secretKeyRef": {"name": "database", "key": "password"}}``. Default: none but the plugin's own.
        EnvFrom: Secrets and ConfigMaps all of whose keys become environment variables. Default: none.
        Secrets: flytekit's ``Secret``, which the pods find where Flyte's tasks do: files in
            ``/etc/flyte/secrets/<group>/<key>``, or variables ``_FSEC_<GROUP>_<KEY>``. Default: none.
        Ports: More ports, each with ``name`` (at most 15 characters; default ``port-<number>``), ``port``, ``protocol``
            (TCP, UDP or SCTP; default TCP) and ``appProtocol``. One that has the number of ``Port`` names it. Default:
            none.
        ReadinessProbe: When a pod counts as ready, Kubernetes's Probe; a port that is left out is the service's own.
            Default: when its containers run.
        LivenessProbe: When a pod counts as hung, and is started again. Default: never.
        StartupProbe: When a pod counts as started, which the other probes wait for. Default: at once.
        PreStop: What is done before a pod is stopped: ``exec``, ``httpGet`` or ``sleep``. Default: nothing.
        TerminationGracePeriodSeconds: How many seconds a pod has to stop. Default: Kubernetes's, 30.
        Volumes: What is mounted, each with ``name``, ``mountPath`` and one place that it comes from, such as
            ``emptyDir``, ``persistentVolumeClaim``, ``configMap`` or ``secret``; also ``readOnly`` and ``subPath``.
            A ``hostPath`` is refused unless the platform allows it. Default: nothing.
        VolumeClaimTemplates: Storage of each pod's own, each with ``name``, ``mountPath``, ``size`` (a quantity, such
            as ``10Gi``), ``accessModes`` (default ReadWriteOnce) and ``storageClassName`` (default the cluster's).
            Default: none.
        PersistentVolumeClaimRetentionPolicy: What becomes of that storage ``whenDeleted`` and ``whenScaled``: Delete or
            Retain. Default: Delete when the service is deleted, Retain when it gets fewer pods.
        ServiceAccount: The account that the pods act as, whose token they get. Default: the namespace's default one,
            without its token.
        ImagePullSecrets: The names of Secrets with the credentials of registries. Default: none.
        ImagePullPolicy: Always, IfNotPresent or Never. Default: IfNotPresent.
        NodeSelector: Labels that a node must have. Default: none.
        Tolerations: Taints of nodes that do not keep the pods away. Default: none.
        Affinity: Nodes and pods to be near to or away from; pods are the service's own where no ``labelSelector`` is
            given. Default: none.
        TopologySpreadConstraints: How evenly the pods are spread, each with ``topologyKey``, ``maxSkew`` (default 1)
            and ``whenUnsatisfiable`` (default DoNotSchedule). Default: none.
        PriorityClass: The name of the pods' PriorityClass. Default: the cluster's.
        RuntimeClass: The name of the pods' RuntimeClass. Default: the node's.
        Accelerator: The kind of GPU, one of flytekit's accelerators or the device's name. It does not request a GPU:
            ``Requests`` does. Default: any.
        PodSecurityContext: The user and group of the pods; merged over user and group 1001 and the runtime's seccomp
            profile.
        SecurityContext: The permissions of the service's container; merged over no privilege escalation and no
            capabilities.
        InitContainers: Containers that run before the service, each in turn, in Kubernetes's own words; an image that
            is left out is the service's own. Default: none.
        Sidecars: Containers that run beside the service, started before it and stopped after it where the cluster can
            (Kubernetes 1.29 and later). Default: none.
        PodManagementPolicy: Parallel starts all pods at once, OrderedReady one after the other. Default: Parallel.
        MinReadySeconds: For how many seconds a pod has to stand before it counts as ready. Default: the platform's, 3.
        UpdateStrategy: RollingUpdate or OnDelete, or Kubernetes's own words. Default: RollingUpdate.
        Lifetime: When the service ends by itself: ``"run"`` with the runs that use it, a child execution's with the
            execution that launched it; ``"execution"`` with each execution for itself; ``"persist"`` never; or a
            dictionary with ``bound``, ``grace``, ``after``, ``ttl`` and ``idle``. Default: ``"persist"`` with a
            ``Name``, else ``"run"``.
        Labels: Labels of all objects and pods; Flyte's own for the execution count before them. Default: none.
        Annotations: Annotations of all objects and pods. Default: none.
        Namespace: The namespace to live in. Default: the platform's, ``flyte``.
        PublishNotReadyAddresses: Whether the pods' names resolve before they are ready. Default: True.
        DnsPolicy: How the pods resolve names: ClusterFirst, Default, None or ClusterFirstWithHostNet. Default:
            ClusterFirst.
        DnsConfig: Name servers, search domains and options besides. Default: none.
        PodDisruptionBudget: How many pods may be away when nodes are drained, ``maxUnavailable`` or ``minAvailable``.
            Default: as many as the drain takes.
        NetworkPolicy: True lets in, and out, only pods of the same Flyte project and domain and the service's own, and
            DNS; else Kubernetes's own words without ``podSelector``. The cluster's network has to enforce it. Default:
            everybody.
    """

    Name: str | None = None
    Requests: Resources | None = None
    Limits: Resources | None = None
    Port: int | None = None
    Image: str | None = None
    # A command may hold a password, and what a log shows of a configuration is its repr. So may whatever has no type of
    # its own here.
    Command: list[str] | None = field(default=None, repr=False)
    Replicas: int | None = None
    ExistingReleaseName: str | None = None
    Cluster: str | None = None
    PodTemplate: Template | None = _travels(_template_to_wire, show=False)
    Args: list[str] | None = field(default=None, repr=False)
    Env: KubernetesObject | None = _travels(_object_to_wire, show=False)
    EnvFrom: KubernetesObjects | None = _travels(_objects_to_wire)
    Secrets: FlyteSecrets | None = _travels(_objects_to_wire, _secrets_of_wire)
    Ports: KubernetesObjects | None = _travels(_objects_to_wire)
    ReadinessProbe: KubernetesObject | None = _travels(_object_to_wire, show=False)
    LivenessProbe: KubernetesObject | None = _travels(_object_to_wire, show=False)
    StartupProbe: KubernetesObject | None = _travels(_object_to_wire, show=False)
    PreStop: KubernetesObject | None = _travels(_object_to_wire, show=False)
    TerminationGracePeriodSeconds: int | None = None
    Volumes: KubernetesObjects | None = _travels(_objects_to_wire)
    VolumeClaimTemplates: KubernetesObjects | None = _travels(_objects_to_wire)
    PersistentVolumeClaimRetentionPolicy: dict[str, str] | None = None
    ServiceAccount: str | None = None
    ImagePullSecrets: list[str] | None = None
    ImagePullPolicy: str | None = None
    NodeSelector: dict[str, str] | None = None
    Tolerations: KubernetesObjects | None = _travels(_objects_to_wire)
    Affinity: KubernetesObject | None = _travels(_object_to_wire)
    TopologySpreadConstraints: KubernetesObjects | None = _travels(_objects_to_wire)
    PriorityClass: str | None = None
    RuntimeClass: str | None = None
    Accelerator: Device | None = _travels(_to_wire)
    PodSecurityContext: KubernetesObject | None = _travels(_object_to_wire)
    SecurityContext: KubernetesObject | None = _travels(_object_to_wire)
    InitContainers: KubernetesObjects | None = _travels(_objects_to_wire, show=False)
    Sidecars: KubernetesObjects | None = _travels(_objects_to_wire, show=False)
    PodManagementPolicy: str | None = None
    MinReadySeconds: int | None = None
    UpdateStrategy: Strategy | None = _travels(_to_wire)
    Lifetime: LifetimeTerms | None = _travels(_to_wire)
    Labels: dict[str, str] | None = None
    Annotations: dict[str, str] | None = None
    Namespace: str | None = None
    PublishNotReadyAddresses: bool | None = None
    DnsPolicy: str | None = None
    DnsConfig: KubernetesObject | None = _travels(_object_to_wire)
    PodDisruptionBudget: KubernetesObject | None = _travels(_object_to_wire)
    NetworkPolicy: Policy | None = _travels(_to_wire)

    def to_wire(self) -> dict[str, Any]:
        """Returns the dictionary that travels in a task template, with the keys the plugin has always used.

        Raises:
            InvalidSpecError: ``PodTemplate`` is no template, or its file cannot be read.
        """
        from flytekitplugins_k8sdataservice.wire import template_to_wire, to_wire

        # A dataclass that extends this one may have fields of its own, which are none of the service's.
        values = {each.name: getattr(self, each.name) for each in fields(DataServiceConfig)}
        template = values.pop("PodTemplate")
        wire = {name: to_wire(value) for name, value in values.items() if value is not None or name in _ALWAYS}
        if template is not None:
            wire["PodTemplate"] = template_to_wire(template)
        return wire
