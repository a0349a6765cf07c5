"""Plans: the objects that a configuration would create."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8sdataservice import settings
from k8sdataservice.default_client import default_client
from k8sdataservice.target import check_cluster, wire_of

if TYPE_CHECKING:
    from k8sdataservice._core import Plan
    from k8sdataservice.configuration import Configuration

#: The owner of a plan: no run, so that a running service belongs to another one.
_OWNER = "plan"

#: How long a plan may take, in seconds: a person waits here, not Flyte.
_PATIENCE = 15.0


def plan(
    config: Configuration | dict[str, Any],
    *,
    name: str | None = None,
    namespace: str | None = None,
    cluster: str | None = None,
    offline: bool = False,
) -> Plan:
    """Plans a service: what it would be made of, and what would keep it from running. Nothing is changed.

    The plan is a server-side dry run of the objects and their first pod, so quotas, limits and policies apply. It also
    says whether what they name exists, and whether the nodes have room. Skipped checks are notes; a plan without any
    check is not ``ok``.

    Usage:
        >>> made = plan(DataServiceConfig(Image="busybox", Requests=Resources(cpu="900")))
        >>> [problem.path for problem in made.problems]
        ['Requests.cpu']

    Args:
        config: The configuration, or the task that has it.
        name: The service's name. Default: the configuration's.
        namespace: The namespace it is to live in. Default: the configuration's, else that of its cluster, else the
            platform's.
        cluster: The cluster it is to live in. Default: the configuration's.
        offline: Ask no cluster.

    Raises:
        InvalidSpecError: The pod template cannot be read, or no cluster has the name in ``cluster``. Other fields at
            fault are problems of the plan.
        UnavailableError: The API server could not be used within 15 seconds.
        DataServiceError: No cluster is configured, or the API server refused to answer.
    """
    wire = wire_of(config, name=name, namespace=namespace, cluster=cluster)
    client = default_client()
    arguments: dict[str, Any] = {
        "namespace": settings.namespace_template(),
        "owner": _OWNER,
        "execution": "a plan, which is no run",
    }
    if offline:
        return client.render(wire, **arguments)
    check_cluster(client, cluster)
    return client.plan_sync(wire, **arguments, timeout=_PATIENCE)
