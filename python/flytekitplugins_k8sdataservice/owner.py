"""What a service is made for, read from what Flyte sends with a create."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flytekit.models.task import TaskExecutionMetadata


@dataclass(frozen=True)
class Owner:
    """The execution of a node that a service is made for.

    Attributes:
        id: Equal for every try of one node of one execution, and for nothing else.
        execution: The same in words, for people who find the service.
        labels: Flyte's labels for the execution.
        annotations: Flyte's annotations for the execution.
    """

    id: str
    execution: str
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


def owner_of(output_prefix: str, metadata: TaskExecutionMetadata | None) -> Owner:
    """Tells what a service is made for.

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
        execution=_in_words(metadata),
        labels=dict(metadata.labels or {}),
        annotations=dict(metadata.annotations or {}),
    )


def _in_words(metadata: TaskExecutionMetadata) -> str:
    node = metadata.task_execution_id.node_execution_id
    execution = node.execution_id
    if not execution.name:
        return "an execution of Flyte that did not say its name"
    return f"execution {execution.name} of project {execution.project}, domain {execution.domain}, node {node.node_id}"
