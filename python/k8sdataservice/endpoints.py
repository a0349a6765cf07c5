"""The addresses of a data service's pods, for the tasks that use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from k8sdataservice import settings
from k8sdataservice.exceptions import NotFoundError
from k8sdataservice.local import is_local
from k8sdataservice.target import check_cluster, invalid, wire_of

if TYPE_CHECKING:
    from k8sdataservice._core import Location
    from k8sdataservice.configuration import Configuration

#: The port of a service that declares none.
_DEFAULT_PORT = 40000

_LAST_PORT = 65535


@dataclass(frozen=True)
class Endpoints:
    """Where the pods of a service are.

    Attributes:
        name: The service's name.
        namespace: The namespace it lives in.
        hostnames: The stable name of each pod, which resolves in every namespace, such as ``foo-0.foo.flyte``.
        port: The port that the service is known by.
        ports: The ports that have names, by these.
        pods: In local mode, where names do not resolve: the IP address of each pod, and at which port it answers there
            instead of another one. ``addresses`` has these instead of names.
    """

    name: str
    namespace: str
    hostnames: list[str]
    port: int
    ports: dict[str, int]
    pods: list[tuple[str, dict[int, int]]] | None = None

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
            raise invalid("port", f'port is "{port}", but data service {self.name} has {known}.')
        if self.pods is not None:
            return [f"{address}:{actual.get(number, number)}" for address, actual in self.pods]
        return [f"{host}:{number}" for host in self.hostnames]

    def environment(self, prefix: str | None = None) -> dict[str, str]:
        """Returns the same as environment variables, for programs that read those.

        Args:
            prefix: How the variables begin. Default: the service's name in capitals, with underscores for hyphens.

        Returns:
            ``<PREFIX>_ENDPOINTS`` and ``<PREFIX>_HOSTS``, separated by commas, with addresses instead of names in local
            mode; ``<PREFIX>_COUNT``; ``<PREFIX>_PORT``, and ``<PREFIX>_PORT_<NAME>`` for each port with a name.
        """
        prefix = prefix or _variable(self.name)
        hosts = self.hostnames if self.pods is None else [address for address, _ in self.pods]
        variables = {
            f"{prefix}_ENDPOINTS": ",".join(self.addresses),
            f"{prefix}_HOSTS": ",".join(hosts),
            f"{prefix}_COUNT": str(len(hosts)),
            f"{prefix}_PORT": str(self.port),
        }
        return variables | {f"{prefix}_PORT_{_variable(name)}": str(port) for name, port in self.ports.items()}


def endpoints(
    name: str,
    service: Configuration | None = None,
    *,
    replicas: int | None = None,
    port: int | None = None,
    namespace: str | None = None,
    cluster: str | None = None,
) -> Endpoints:
    """Returns where the pods of a service are.

    With what was declared, the task or its configuration or a number of replicas, nothing is asked of the cluster, so
    that it works in the pod of any task. Without, the cluster is asked, which takes the permission to get the
    StatefulSet and to list EndpointSlices. That works for every StatefulSet with a headless Service. In local mode, the
    cluster is always asked.

    Args:
        name: The service's name, which is the output of its task.
        service: The task that brings it up, or its configuration.
        replicas: How many pods it has. Default: what was declared, else what the cluster says.
        port: The port that it listens on. Default: what was declared, else what the cluster says, else 40000.
        namespace: The namespace it lives in. Default: what was declared, else that of its cluster, else the platform's.
        cluster: The cluster it lives in. Default: what was declared.

    Raises:
        InvalidSpecError: An argument is at fault, or the cluster was asked, and the service's main port is one of
            several that have names.
        NotFoundError: The cluster was asked, and knows no pods of such a service.
        DataServiceError: The cluster was asked, and could not be.
    """
    _check(replicas, port)
    wire = wire_of({} if service is None else service, namespace=namespace, cluster=cluster)
    place = wire.get("Namespace") or settings.namespace(wire.get("Cluster") or None, known=cluster is not None)
    declared = _declared(wire) if service is not None else None
    if is_local():
        known_port = port or (declared or {}).get("port")
        return _asked(name, replicas, known_port, place, wire.get("Cluster"), is_explicit=False)
    # Of an existing service nothing is declared, so that only the cluster knows its port.
    if declared is None and (replicas is None or (service is not None and port is None)):
        return _asked(name, replicas, port, place, wire.get("Cluster"), is_explicit=cluster is not None)
    from k8sdataservice._core import hostnames

    known: dict[str, Any] = declared or {"replicas": replicas, "port": _DEFAULT_PORT, "ports": {}}
    hosts = [f"{host}.{place}" for host in hostnames(name, known["replicas"] if replicas is None else replicas)]
    return Endpoints(name, place, hosts, port or known["port"], known["ports"])


def _check(replicas: int | None, port: int | None) -> None:
    if replicas is not None and replicas < 0:
        raise invalid("replicas", f"replicas is {replicas}, but the number of pods is a whole number, 0 or more.")
    if port is not None and not 1 <= port <= _LAST_PORT:
        raise invalid("port", f"port is {port}, but a port is a whole number from 1 to {_LAST_PORT}.")


def _declared(wire: dict[str, Any]) -> dict[str, Any] | None:
    from k8sdataservice._core import declared

    return declared(wire)


def _asked(
    name: str, replicas: int | None, port: int | None, namespace: str, cluster: str | None, *, is_explicit: bool
) -> Endpoints:
    from k8sdataservice.default_client import default_client

    client = default_client()
    check_cluster(client, cluster if is_explicit else None)
    found = client.locate_sync(name, namespace=namespace, cluster=cluster)
    if found.service is None:
        raise NotFoundError(f"Nothing is known of where data service {name} is. {found.problem}")
    pods = found.pods if replicas is None else [f"{name}-{ordinal}" for ordinal in range(replicas)]
    hosts = [f"{pod}.{found.service}.{namespace}" for pod in pods]
    ports = dict(found.named_ports)
    # Its own name is that of the main port of a service that a task made; a port without a name is the only one.
    main = ports.pop(name, None) or ports.pop("", None)
    return Endpoints(name, namespace, hosts, port or main or _only(name, ports), ports, _local(found))


def _local(found: Location) -> list[tuple[str, dict[int, int]]] | None:
    if not is_local():
        return None
    return [
        (address, {found.named_ports[each]: number for each, number in actual.items() if each in found.named_ports})
        for address, actual in found.addresses
    ]


def _only(name: str, ports: dict[str, int]) -> int:
    if len(ports) == 1:
        return next(iter(ports.values()))
    known = ", ".join(ports) or "none"
    raise invalid(
        "port",
        f"port is missing: the ports of data service {name} ({known}) do not say which of them it is known by. Pass "
        "port=, or the service's task or its configuration.",
    )


def _variable(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "_")
