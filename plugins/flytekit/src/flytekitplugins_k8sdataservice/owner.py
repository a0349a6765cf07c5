"""The owner of a service, from what Flyte sends with a create."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from k8sdataservice._core import Execution
from k8sdataservice.owner import Owner as Owner

if TYPE_CHECKING:
    from flytekit.models.task import TaskExecutionMetadata


def owner_of(output_prefix: str, metadata: TaskExecutionMetadata | None) -> Owner:
    """Returns what a service is made for.

    Flyte's output prefix is ``<data folder of the node>/<attempt>``: without its last segment it is unique per node of
    an execution, also in sub-workflows, where node ids repeat, and the same for every attempt.

    Args:
        output_prefix: As Flyte sends it.
        metadata: As Flyte sends it; None in a local run, which is an owner of its own each time.
    """
    if metadata is None:
        return Owner(id=f"local-{uuid.uuid4().hex}", execution="a local run")
    node_folder = output_prefix.rstrip("/").rpartition("/")[0]
    id = uuid.uuid5(uuid.NAMESPACE_URL, node_folder) if node_folder else uuid.uuid4()
    return Owner(
        id=id.hex,
        execution=_execution_of(metadata),
        labels=dict(metadata.labels or {}),
        annotations=dict(metadata.annotations or {}),
    )


def _execution_of(metadata: TaskExecutionMetadata) -> str | Execution:
    node = metadata.task_execution_id.node_execution_id
    execution = node.execution_id
    if not execution.name:
        return "an execution of Flyte that did not say its name"
    # A child execution has the labels of the execution that launched it, which so name the root.
    root = (metadata.labels or {}).get("execution-id")
    return Execution(
        execution.project, execution.domain, execution.name, node.node_id, namespace=metadata.namespace, root=root
    )
