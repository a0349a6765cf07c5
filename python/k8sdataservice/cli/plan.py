"""``plan``: what a task would create, before it does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from k8sdataservice.cli import diff
from k8sdataservice.cli.console import (
    exit_codes,
    messages,
    print_error,
    print_fault,
    print_faults,
    results,
)
from k8sdataservice.cli.loading import LoadingError, load
from k8sdataservice.cli.standard_error import printing_to_standard_error
from k8sdataservice.exceptions import DataServiceError, InvalidSpecError
from k8sdataservice.plan import plan as make_plan

if TYPE_CHECKING:
    from k8sdataservice._core import Plan

#: The exit codes of the command.
_OK, _PROBLEMS, _NOT_PLANNED = 0, 1, 2

#: The action of a create, in words.
_ACTIONS = {
    "create": "would be created",
    "unchanged": "runs already",
    "shared": "runs already, created by another run",
    "conflict": "cannot be created: the name is taken",
    "use": "is used as it is",
}

#: The same for the help.
_EXIT_CODES = exit_codes(
    {
        0: "nothing is in the way",
        1: "there are problems",
        2: "no plan could be made, or nothing could be checked",
    }
)


@click.command(epilog=_EXIT_CODES)
@click.argument("task", metavar="FILE_OR_MODULE:TASK")
@click.option("--name", help="The service's name. Default: the configuration's.")
@click.option("--namespace", help="Where the service is to live. Default: as the connector would decide.")
@click.option("--cluster", help="The cluster to ask. Default: the task's own, else the current context.")
@click.option("--offline", is_flag=True, help="Ask no cluster.")
@click.option(
    "--output",
    type=click.Choice(["yaml", "diff"]),
    help="The objects as YAML, or how they differ from what runs. Default: the difference where something runs.",
)
def plan(
    task: str, name: str | None, namespace: str | None, cluster: str | None, offline: bool, output: str | None
) -> None:
    """Show what a task would create, and what would keep it from running. Nothing is changed.

    TASK is a variable that holds a task or its configuration, or a function without arguments that returns one. Options
    take precedence over the configuration. The objects go to the standard output, everything else to the standard
    error.
    """
    out, err = results(), messages()
    try:
        with printing_to_standard_error():
            config = load(task)
        made = make_plan(config, name=name, namespace=namespace, cluster=cluster, offline=offline)
    except InvalidSpecError as error:
        sys.exit(_NOT_PLANNED if print_faults(error) else _PROBLEMS)
    except (LoadingError, DataServiceError) as error:
        print_error(str(error))
        sys.exit(_NOT_PLANNED)
    _show_objects(out, err, made, output or ("diff" if made.running and made.objects else "yaml"))
    for problem in made.problems:
        print_fault(err, problem.path, problem.message)
    for note in made.notes:
        err.print(Text(note, style="yellow"))
    if made.fit:
        err.print(Text(made.fit))
    if not made.checked:
        print_error("Nothing could be checked, so it is not known whether the service would run.")
    sys.exit(_PROBLEMS if made.problems else _OK if made.checked else _NOT_PLANNED)


def _show_objects(out: Console, err: Console, made: Plan, output: str) -> None:
    if header := _header(made):
        err.print(Text(header, style="bold"))
    if output == "yaml":
        out.print(Text(diff.as_yaml(made.objects or made.running)), end="")
    elif difference := diff.differences(made.running, made.objects):
        out.print(diff.coloured(difference), end="")
    else:
        err.print(Text("No changes."))


def _header(made: Plan) -> str:
    """Returns what would happen, which of a service with problems is not that it would be created."""
    service = f"Service {made.name} in namespace {made.namespace}" if made.name else "The service"
    if made.problems and made.action != "conflict":
        number = len(made.problems)
        return f"{service} has {number} problem{'' if number == 1 else 's'}:"
    return f"{service} {_ACTIONS[made.action]}." if made.name else ""
