"""Changes a service that runs, from a task of its execution or from a person's terminal."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from k8sdataservice import settings
from k8sdataservice._core import Execution
from k8sdataservice.default_client import default_client, warn
from k8sdataservice.exceptions import DataServiceError, DataServiceTimeoutError
from k8sdataservice.owner import Owner
from k8sdataservice.target import check_cluster, wire_of

if TYPE_CHECKING:
    from k8sdataservice.configuration import Configuration

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
        changes: The changes, such as ``Replicas 2 -> 4``; empty if the service was already up to date.
        adopted_from: The former owner, if the service was taken over.
        message: The same as a sentence.
        ready: Whether the call waited until the service was ready; false for a service that stays asleep.
    """

    name: str
    namespace: str
    changes: list[str] = field(default_factory=list)
    adopted_from: str | None = None
    message: str = ""
    ready: bool = False


def update(
    config: Configuration | dict[str, Any],
    *,
    name: str | None = None,
    namespace: str | None = None,
    cluster: str | None = None,
    owner: str | None = None,
    adopt: bool = False,
    wait: float = 600.0,
    tell: Callable[[str], None] | None = None,
) -> Updated:
    """Applies a configuration to a running service, and waits until the service is ready.

    An update can change ``Replicas``, all fields of the pods, and their ports. A change of ``Replicas`` alone restarts
    no pod: pods that start afterwards find the new number in ``GE_COUNT``. Any other change of the pods replaces them
    one after the other, each once the one before is ready. Fields that the configuration no longer has are removed.
    Fields that others have written stay, as does a number of pods that ``kubectl scale`` or an autoscaler has set,
    until ``Replicas`` changes. A service that sleeps stays asleep until then, too.

    A task of Flyte can change a service of its own execution. Other callers, such as a person, pass ``adopt=True``, or
    the id of the service's owner as ``owner``.

    Args:
        config: The complete configuration of the service, not only the changes.
        name: The service's name. Default: the configuration's.
        namespace: The namespace it lives in. Default: the configuration's, else that of its cluster, else the
            platform's, which is ``flyte`` unless it says something else.
        cluster: The cluster it lives in. Default: the configuration's.
        owner: The id of the owner in whose name it is changed, as the annotation ``k8sdataservice.flyte.org/owner``
            has it. Default: that of the execution that this code runs in, if any.
        adopt: Take the service over if it belongs to another owner, or to the plugin before version 2. Afterwards an
            abort of its former owner leaves it alone.
        wait: For how many seconds to wait until it is ready; 0 does not wait.
        tell: Called with each sentence about the progress.

    Raises:
        InvalidSpecError: Fields are at fault, or no cluster has the name in ``cluster``. Nothing was changed.
        NotFoundError: There is no such service.
        ConflictError: It is another owner's, or is being deleted, or has to change in what Kubernetes does not change.
        NotOwnedError: Somebody else's object has the name; it was left alone.
        ForbiddenError: The account in use lacks a permission, such as to patch StatefulSets.
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
        namespace=settings.namespace_template(),
        owner=owner or asking.id,
        execution=asking.execution,
        adopt=adopt,
        timeout=_PATIENCE,
    )
    warn(updated.warning)
    tell = tell or (lambda _: None)
    tell(updated.message)
    is_ready = wait > 0 and _wait(updated.name, updated.namespace, wire.get("Cluster"), updated.uid, wait, tell)
    return Updated(
        name=updated.name,
        namespace=updated.namespace,
        changes=updated.changes,
        adopted_from=updated.adopted_from,
        message=updated.message,
        ready=is_ready,
    )


def _wait(
    name: str, namespace: str, cluster: str | None, uid: str, patience: float, tell: Callable[[str], None]
) -> bool:
    """Waits until the service is ready as it is now, and returns whether it is: one that sleeps stays asleep.

    The client no longer reports its earlier state.
    """
    client, end = default_client(), time.monotonic() + patience
    while True:
        status = client.get_sync(name, namespace=namespace, cluster=cluster, uid=uid)
        tell(status.message)
        if status.phase == "Ready":
            return True
        if status.phase == "Asleep":
            return False
        failed = status.phase in ("Failed", "RetryableFailed")
        if failed or time.monotonic() + _INTERVAL > end:
            kind = DataServiceError if failed else DataServiceTimeoutError
            late = "" if failed else f"Data service {name} was changed and is not ready after {patience:.0f} s: "
            error = kind(f"{late}{status.message}")
            error.reason, error.namespace, error.name = status.reason, namespace, name
            raise error
        time.sleep(_INTERVAL)


def _asking() -> Owner:
    """Returns the owner that this code runs for: the execution in a task's pod of Flyte, else a new one."""
    name, project, domain = (os.environ.get(f"FLYTE_INTERNAL_EXECUTION_{part}") for part in ("ID", "PROJECT", "DOMAIN"))
    if not name:
        return Owner(id=f"local-{uuid.uuid4().hex}", execution="whoever has taken it over by hand")
    execution = Execution(project or "", domain or "", name)
    return Owner(id=uuid.uuid5(uuid.NAMESPACE_URL, str(execution)).hex, execution=execution)
