"""Changes a service that runs, from a task of its execution or from a person's terminal."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flytekitplugins_k8sdataservice import settings
from flytekitplugins_k8sdataservice.client import default_client, warn
from flytekitplugins_k8sdataservice.exceptions import DataServiceError, DataServiceTimeoutError
from flytekitplugins_k8sdataservice.owner import Owner
from flytekitplugins_k8sdataservice.target import check_cluster, wire_of

if TYPE_CHECKING:
    from flytekitplugins_k8sdataservice.config import DataServiceConfig
    from flytekitplugins_k8sdataservice.task import DataServiceTask

#: How often the service is looked at while it is waited for, in seconds. What is known of it is in memory.
_INTERVAL = 0.1

#: How long the change itself may take, in seconds: a person or a task waits here, not Flyte.
_PATIENCE = 15.0


@dataclass(frozen=True)
class Updated:
    """A service that was changed.

    Attributes:
        name: Its name.
        namespace: The namespace it lives in.
        changes: What has changed, such as ``Replicas 2 -> 4``; empty where it was so already.
        adopted_from: Whose it was, where it was taken over.
        message: The same as a sentence.
        ready: Whether it was waited for until it was ready.
    """

    name: str
    namespace: str
    changes: list[str] = field(default_factory=list)
    adopted_from: str | None = None
    message: str = ""
    ready: bool = False


def update(
    config: DataServiceConfig | DataServiceTask | dict[str, Any],
    *,
    name: str | None = None,
    namespace: str | None = None,
    cluster: str | None = None,
    owner: str | None = None,
    adopt: bool = False,
    wait: float = 600.0,
    tell: Callable[[str], None] | None = None,
) -> Updated:
    """Makes a service that runs as a configuration says, and waits until it is.

    What can change without a new service: ``Replicas``, everything of the pods, and their ports. The pods are replaced
    one after the other, each once the one before is ready; since they find the number of pods in ``GE_COUNT``, that is
    so with ``Replicas``, too. What the configuration says no more is gone afterwards; what others have written stays.

    In a task of Flyte, a service of the same execution can be changed. Anybody else, such as a person, says
    ``adopt=True``, or whose id the service carries.

    Args:
        config: What the service is to be: all of it, not only what changes.
        name: The service's name. Default: the configuration's.
        namespace: The namespace it lives in. Default: the configuration's, else that of its cluster, else the
            platform's, which is ``flyte`` unless it says something else.
        cluster: The cluster it lives in. Default: the configuration's.
        owner: The id of the owner in whose name it is changed, as the annotation ``k8sdataservice.flyte.org/owner``
            has it. Default: that of the execution that this code runs in, if any.
        adopt: Take the service over where it is another owner's, or of the plugin before version 2. An abort of its
            former owner leaves it alone from then on.
        wait: For how many seconds to wait until it is ready; 0 does not wait.
        tell: Called with a sentence, each time that there is one, about how far it is.

    Raises:
        InvalidSpecError: Fields are at fault, or no cluster has the name in ``cluster``. Nothing was changed.
        NotFoundError: There is no such service.
        ConflictError: It is another owner's, or is being deleted, or has to change in what Kubernetes does not change.
        NotOwnedError: Somebody else's object has the name; it was left alone.
        ForbiddenError: The account in use lacks a right, such as to patch StatefulSets.
        DataServiceTimeoutError: It was changed, and was not ready in time.
        DataServiceError: It was changed, and cannot become ready; the message says why. Pods that were not replaced yet
            go on as they were; another update replaces those that cannot start.
    """
    wire = wire_of(config, name=name, namespace=namespace, cluster=cluster)
    asking = _asking()
    client = default_client()
    check_cluster(client, cluster)
    updated = client.update_sync(
        wire,
        namespace=settings.namespace(),
        owner=owner or asking.id,
        execution=asking.execution,
        adopt=adopt,
        timeout=_PATIENCE,
    )
    warn(updated.warning)
    tell = tell or (lambda _: None)
    tell(updated.message)
    if wait > 0:
        _wait(updated.name, updated.namespace, wire.get("Cluster"), updated.uid, wait, tell)
    return Updated(
        name=updated.name,
        namespace=updated.namespace,
        changes=updated.changes,
        adopted_from=updated.adopted_from,
        message=updated.message,
        ready=wait > 0,
    )


def _wait(
    name: str, namespace: str, cluster: str | None, uid: str, patience: float, tell: Callable[[str], None]
) -> None:
    """Waits until the service is ready as it is now; the client tells nothing of how it was before."""
    client, end = default_client(), time.monotonic() + patience
    while True:
        status = client.get_sync(name, namespace=namespace, cluster=cluster, uid=uid)
        tell(status.message)
        if status.phase == "Ready":
            return
        failed = status.phase in ("Failed", "RetryableFailed")
        if failed or time.monotonic() + _INTERVAL > end:
            kind = DataServiceError if failed else DataServiceTimeoutError
            late = "" if failed else f"Data service {name} was changed and is not ready after {patience:.0f} s: "
            error = kind(f"{late}{status.message}")
            error.reason, error.namespace, error.name = status.reason, namespace, name
            raise error
        time.sleep(_INTERVAL)


def _asking() -> Owner:
    """Tells in whose name this code runs: in a task's pod of Flyte its execution's, else nobody's in particular."""
    name, project, domain = (os.environ.get(f"FLYTE_INTERNAL_EXECUTION_{part}") for part in ("ID", "PROJECT", "DOMAIN"))
    if not name:
        return Owner(id=f"local-{uuid.uuid4().hex}", execution="whoever has taken it over by hand")
    # As the connector describes the nodes of an execution, but for the node.
    execution = f"execution {name} of project {project or ''}, domain {domain or ''}"
    return Owner(id=uuid.uuid5(uuid.NAMESPACE_URL, execution).hex, execution=execution)
