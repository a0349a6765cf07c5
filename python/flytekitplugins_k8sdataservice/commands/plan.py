"""``plan``: what a task would bring up, before it does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from flytekitplugins_k8sdataservice import diff
from flytekitplugins_k8sdataservice.exceptions import DataServiceError, InvalidSpecError
from flytekitplugins_k8sdataservice.loading import LoadingError, load
from flytekitplugins_k8sdataservice.planning import plan as make_plan

if TYPE_CHECKING:
    from flytekitplugins_k8sdataservice._core import Plan

#: What the command ends with.
_OK, _PROBLEMS, _NOT_PLANNED = 0, 1, 2

#: What a create would do, in words.
_ACTIONS = {
    "create": "would be made",
    "unchanged": "runs already",
    "shared": "runs already, made by another run",
    "conflict": "cannot be made: another has its name",
    "use": "is used as it is",
}


@click.command()
@click.argument("task", metavar="FILE_OR_MODULE:TASK")
@click.option("--namespace", help="Where the service is to live. Default: as the connector would decide.")
@click.option("--cluster", help="The kubeconfig context to ask. Default: the task's own, else the current one.")
@click.option("--offline", is_flag=True, help="Ask no cluster.")
@click.option(
    "--output",
    type=click.Choice(["yaml", "diff"]),
    help="The objects as YAML, or how they differ from what runs. Default: the difference where something runs.",
)
def plan(task: str, namespace: str | None, cluster: str | None, offline: bool, output: str | None) -> None:
    """Tells what a task would bring up, and what would keep it from running.

    The objects go to the standard output, everything else to the standard error. Nothing is changed. The exit code is 0
    if nothing is in the way, 1 if there are problems, and 2 if no plan could be made.
    """
    out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        made = make_plan(load(task), namespace=namespace, cluster=cluster, offline=offline)
    except InvalidSpecError as error:
        _show_problem(err, error.field or "", str(error))
        sys.exit(_PROBLEMS)
    except (LoadingError, DataServiceError) as error:
        err.print(Text(str(error), style="red"))
        sys.exit(_NOT_PLANNED)
    _show_objects(out, err, made, output or ("diff" if made.running and made.objects else "yaml"))
    for problem in made.problems:
        _show_problem(err, problem.path, problem.message)
    for note in made.notes:
        err.print(Text(note, style="yellow"))
    if made.fit:
        err.print(Text(made.fit))
    sys.exit(_OK if made.ok else _PROBLEMS)


def _show_objects(out: Console, err: Console, made: Plan, output: str) -> None:
    if made.name:
        err.print(Text(f"Service {made.name} in namespace {made.namespace} {_ACTIONS[made.action]}.", style="bold"))
    if output == "yaml":
        out.print(Text(diff.as_yaml(made.objects or made.running)), end="")
    elif difference := diff.differences(made.running, made.objects):
        out.print(diff.coloured(difference), end="")
    else:
        err.print(Text("It differs in nothing from what runs."))


def _show_problem(err: Console, path: str, message: str) -> None:
    rest = message.removeprefix(path)
    # Most of a field's own messages begin with its path, as the subject of their sentence.
    joint = "" if path and rest != message and rest.startswith(" ") else ": "
    err.print(Text.assemble((path, "bold red"), (joint + (rest if not joint else message), "red")))
