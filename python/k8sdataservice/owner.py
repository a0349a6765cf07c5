"""The owner of a service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from k8sdataservice._core import Execution


@dataclass(frozen=True)
class Owner:
    """The execution of a node that a service is made for.

    Attributes:
        id: Equal for every try of one node of one execution, and for nothing else.
        execution: The execution of Flyte, or the same in words where there is none.
        labels: Flyte's labels for the execution.
        annotations: Flyte's annotations for the execution.
    """

    id: str
    execution: str | Execution
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
