"""What the tasks that use a data service need: where its pods are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flytekitplugins_k8sdataservice import settings
from flytekitplugins_k8sdataservice.config import DataServiceConfig
from flytekitplugins_k8sdataservice.exceptions import InvalidSpecError, NotFoundError

if TYPE_CHECKING:
    from flytekitplugins_k8sdataservice.task import DataServiceTask


@dataclass(frozen=True)
class Endpoints:
    """Where the pods of a service are.

    Attributes:
        name: The service's name.
        namespace: The namespace it lives in.
        hostnames: The stable name of each pod, which resolves in every namespace, such as ``foo-0.foo.flyte``.
        port: The port that the service is known by.
        ports: The ports that have names, by these.
    """

    name: str
    namespace: str
    hostnames: list[str]
    port: int
    ports: dict[str, int]

    @property
    def addresses(self) -> list[str]:
        """Each pod as ``host:port``, such as ``foo-0.foo.flyte:40000``."""
        return self.at(self.port)

    def at(self, port: str | int) -> list[str]:
        """Returns each pod as ``host:port`` for another port.

        Args:
            port: Its number, or its name.

        Raises:
            InvalidSpecError: The service has no port of that name.
        """
        number = self.ports.get(port) if isinstance(port, str) else port
        if number is None:
            known = ", ".join(self.ports) or "none with a name"
            error = InvalidSpecError(f'port is "{port}", but data service {self.name} has {known}.')
            error.field = "port"
            raise error
        return [f"{host}:{number}" for host in self.hostnames]

    def environment(self, prefix: str | None = None) -> dict[str, str]:
        """Returns the same as environment variables, for programs that read those.

        Args:
            prefix: How the variables begin. Default: the service's name in capitals, with underscores for hyphens.

        Returns:
            ``<PREFIX>_ENDPOINTS`` and ``<PREFIX>_HOSTS``, separated by commas; ``<PREFIX>_COUNT``; ``<PREFIX>_PORT``,
            and ``<PREFIX>_PORT_<NAME>`` for each port with a name.
        """
        prefix = prefix or _variable(self.name)
        variables = {
            f"{prefix}_ENDPOINTS": ",".join(self.addresses),
            f"{prefix}_HOSTS": ",".join(self.hostnames),
            f"{prefix}_COUNT": str(len(self.hostnames)),
            f"{prefix}_PORT": str(self.port),
        }
        return variables | {f"{prefix}_PORT_{_variable(name)}": str(port) for name, port in self.ports.items()}


def endpoints(
    name: str,
    service: DataServiceConfig | DataServiceTask | None = None,
    *,
    replicas: int | None = None,
    port: int | None = None,
    namespace: str | None = None,
    cluster: str | None = None,
) -> Endpoints:
    """Tells where the pods of a service are.

    With what was declared, the task or its configuration or a number of replicas, nothing is asked of the cluster, so
    that it works in the pod of any task. Without, the cluster is asked, which takes the right to look at the service.

    Args:
        name: The service's name, which is the output of its task.
        service: The task that brings it up, or its configuration.
        replicas: How many pods it has. Default: what was declared, else what the cluster says.
        port: The port that it listens on. Default: what was declared, else what the cluster says.
        namespace: The namespace it lives in. Default: what was declared, else the platform's.
        cluster: The kubeconfig context, where the cluster is asked.

    Raises:
        InvalidSpecError: The cluster was asked, and the service's main port is one of several that have names.
        NotFoundError: The cluster was asked, and knows no pods of such a service.
        DataServiceError: The cluster was asked, and could not be.
    """
    config = _config(service)
    place = namespace or config.Namespace or settings.namespace()
    declared = _declared(config) if service is not None and replicas is None else None
    if replicas is None and declared is None:
        return _asked(name, port, place, cluster or config.Cluster)
    from flytekitplugins_k8sdataservice._core import hostnames

    known: dict[str, Any] = declared or {"replicas": replicas, "port": 40000, "ports": {}}
    hosts = [f"{host}.{place}" for host in hostnames(name, known["replicas"])]
    return Endpoints(name, place, hosts, port or known["port"], known["ports"])


def _config(service: DataServiceConfig | DataServiceTask | None) -> DataServiceConfig:
    if isinstance(service, DataServiceConfig):
        return service
    return (service.task_config if service is not None else None) or DataServiceConfig()


def _declared(config: DataServiceConfig) -> dict[str, Any] | None:
    from flytekitplugins_k8sdataservice._core import declared

    return declared(config.to_wire())


def _asked(name: str, port: int | None, namespace: str, cluster: str | None) -> Endpoints:
    from flytekitplugins_k8sdataservice.client import default_client

    status = default_client().get_sync(name, namespace=namespace, cluster=cluster)
    if not status.endpoints:
        raise NotFoundError(f"Nothing is known of where data service {name} is. {status.message}")
    hosts = [f"{endpoint.hostname}.{namespace}" for endpoint in status.endpoints]
    ports = status.endpoints[0].named_ports
    main = ports.pop(name, None)
    return Endpoints(name, namespace, hosts, port or main or _only(name, ports), ports)


def _only(name: str, ports: dict[str, int]) -> int:
    if len(ports) == 1:
        return next(iter(ports.values()))
    known = ", ".join(ports) or "none"
    error = InvalidSpecError(
        f"port is missing: the ports of data service {name} ({known}) do not tell which of them it is known by. Say "
        "port=, or hand in the service's task or its configuration."
    )
    error.field = "port"
    raise error


def _variable(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "_")
