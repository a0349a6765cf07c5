"""How the task and the sensor differ from other tasks of flytekit where they are registered."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, get_args

from flytekit.core.interface import Interface
from k8sdataservice.target import invalid

if TYPE_CHECKING:
    from flytekit.core.base_task import PythonTask
    from flytekit.core.node import Node
    from k8sdataservice.exceptions import InvalidSpecError


def refuse_cache(task: PythonTask[Any], cache: Any, consequence: str) -> None:
    """Refuses to register a task whose results are cached.

    Args:
        task: The task.
        cache: What it was given as ``cache=``: flytekit's ``Cache``, or whether it is cached.
        consequence: What would happen to the second run.

    Raises:
        InvalidSpecError: The task is cached.
    """
    if cache or task.metadata.cache:
        raise _cached(task.name, consequence)


def refuse_cache_of_node(node: Node, task: PythonTask[Any], consequence: str) -> None:
    """Makes a node refuse ``with_overrides(cache=...)``, which never reaches its task.

    Args:
        node: The node.
        task: The task that it runs.
        consequence: What would happen to the second run.
    """
    override = node.with_overrides
    signature = inspect.signature(override)

    @functools.wraps(override)
    def with_overrides(*args: Any, **kwargs: Any) -> Any:
        if {**signature.bind(*args, **kwargs).arguments, **kwargs}.get("cache"):
            raise _cached(task.name, consequence)
        return override(*args, **kwargs)

    node.with_overrides = with_overrides


def _cached(name: str, consequence: str) -> InvalidSpecError:
    return invalid("cache", f"cache is set, but task {name} cannot be cached: {consequence}. Remove cache.")


class AcceptsNarrowerInputs(Interface):
    """The interface of a task that can be the ``on_failure`` of a workflow which has less optional inputs.

    flytekit wants the types of the workflow's inputs to equal those of the task's: a workflow with ``cluster: str``
    would be refused where the task has ``cluster: Optional[str]``, though every text is one.
    """

    def __init__(self, interface: Interface) -> None:
        """Makes the interface from a strict one."""
        super().__init__(interface.inputs_with_defaults, interface.outputs)

    @property
    def inputs(self) -> dict[str, type]:
        """The inputs by name."""
        return _Inputs(super().inputs)


class _Inputs(dict[str, type]):
    """Inputs that keep their types where others are merged in that are a part of those."""

    def __or__(self, others: Any) -> Any:
        kept = {name: self[name] for name, narrower in others.items() if narrower in get_args(self.get(name))}
        return super().__or__({**others, **kept})
