"""Which service a call is about: what its configuration says, and over it what the caller says explicitly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8sdataservice.exceptions import Fault, InvalidSpecError

if TYPE_CHECKING:
    from k8sdataservice._core import Client
    from k8sdataservice.configuration import Configuration


def wire_of(
    config: Configuration | dict[str, Any],
    *,
    name: str | None = None,
    namespace: str | None = None,
    cluster: str | None = None,
) -> dict[str, Any]:
    """Returns the wire form of a configuration with what the caller says in place of what it says.

    An explicit argument always wins over the configuration; there is none that is ignored.

    Args:
        config: The configuration, the task that has it, or its wire form.
        name: The service's name.
        namespace: The namespace it lives in.
        cluster: The cluster it lives in.

    Raises:
        InvalidSpecError: An argument is empty, or the configuration names an existing service of another name.
    """
    wire = dict(config) if isinstance(config, dict) else config.to_wire()
    explicit = {"Name": name, "Namespace": namespace, "Cluster": cluster}
    for field, value in explicit.items():
        if value is None:
            continue
        if not value:
            raise invalid(field.lower(), f"{field.lower()} is empty: leave it out, or name one.")
        wire[field] = value
    existing = wire.get("ExistingReleaseName")
    if name is not None and existing and name != existing:
        raise invalid("name", f"name is {name}, but the configuration uses the existing service {existing}.")
    return wire


def check_cluster(client: Client, cluster: str | None) -> None:
    """Checks that a cluster that the caller names explicitly is one, so that no other is used in its place.

    The configuration's own ``Cluster`` means the default cluster where no context has that name.

    Raises:
        InvalidSpecError: No cluster has the name; the message lists those there are.
        DataServiceError: No cluster is configured.
    """
    if cluster is not None:
        client.connect_sync(cluster, exact=True)


def invalid(field: str, message: str) -> InvalidSpecError:
    """Returns the error about an argument."""
    error = InvalidSpecError(message)
    error.field, error.reason, error.faults = field, "InvalidSpec", [Fault(field, message)]
    return error
