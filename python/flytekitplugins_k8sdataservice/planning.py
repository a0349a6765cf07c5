"""What a configuration would bring up, told before it does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flytekitplugins_k8sdataservice import settings
from flytekitplugins_k8sdataservice.client import default_client
from flytekitplugins_k8sdataservice.config import DataServiceConfig
from flytekitplugins_k8sdataservice.task import DataServiceTask

if TYPE_CHECKING:
    from flytekitplugins_k8sdataservice._core import Plan

#: Whom a plan is made for: nobody's run, so that a service that runs is somebody else's.
_OWNER = "plan"


def plan(
    config: DataServiceConfig | DataServiceTask,
    *,
    namespace: str | None = None,
    cluster: str | None = None,
    offline: bool = False,
) -> Plan:
    """Tells what a service would be made of, and what would keep it from running. Nothing is changed.

    The cluster is asked what would become of the objects and of their first pod, so that its quotas, limits and
    policies count; whether what they name exists; and whether the nodes have room. What the account may not ask is a
    note.

    Usage:
        >>> made = plan(DataServiceConfig(Image="busybox", Requests=Resources(cpu="900")))
        >>> [problem.path for problem in made.problems]
        ['Requests.cpu']

    Args:
        config: The configuration, or the task that has it.
        namespace: Where the service is to live. Default: as the connector would decide.
        cluster: The kubeconfig context to use. Default: the configuration's own.
        offline: Ask no cluster.

    Raises:
        InvalidSpecError: The pod template cannot be read. Other fields at fault are problems of the plan.
        UnavailableError: The API server could not be used within the timeout.
        DataServiceError: No cluster is configured, or the API server refused to answer.
    """
    if isinstance(config, DataServiceTask):
        config = config.task_config or DataServiceConfig()
    if cluster:
        config = replace(config, Cluster=cluster)
    client = default_client()
    ask = client.sketch if offline else client.plan_sync
    return ask(
        config.to_wire(), namespace=namespace or settings.namespace(), owner=_OWNER, execution="a plan, which is no run"
    )
