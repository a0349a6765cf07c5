"""``update``: changes a running service to what its configuration says now."""

from __future__ import annotations

import sys

import click
from rich.text import Text

from k8sdataservice.cli.console import exit_codes, print_error, print_faults, results
from k8sdataservice.cli.loading import LoadingError, load
from k8sdataservice.cli.standard_error import printing_to_standard_error
from k8sdataservice.exceptions import DataServiceError, InvalidSpecError
from k8sdataservice.progress import Progress
from k8sdataservice.update import update as update_service

#: The exit codes of the command.
_NOT_UPDATED, _NOT_TRIED, _INTERRUPTED = 1, 2, 130

#: The same for the help.
_EXIT_CODES = exit_codes(
    {
        0: "the service is now as its configuration says",
        1: "it was refused, failed, or did not become ready in time",
        2: "nothing was tried: the task or the cluster does not exist",
        130: "interrupted by Ctrl-C",
    }
)


@click.command(epilog=_EXIT_CODES)
@click.argument("task", metavar="FILE_OR_MODULE:TASK")
@click.option("--name", help="The service's name. Default: the configuration's.")
@click.option("--namespace", help="Where the service lives. Default: as the connector would decide.")
@click.option("--cluster", help="The cluster it lives in. Default: the task's own, else the current context.")
@click.option("--owner", help="The id of the owner in whose name it is changed, as the service's annotation has it.")
@click.option("--adopt", is_flag=True, help="Take the service over where it is another owner's.")
@click.option("--wait", default=600.0, show_default=True, help="For how many seconds to wait; 0 does not wait.")
def update(
    task: str,
    name: str | None,
    namespace: str | None,
    cluster: str | None,
    owner: str | None,
    adopt: bool,
    wait: float,
) -> None:
    """Change a running service to what its configuration says now, and wait until it is ready.

    TASK is a variable that holds a task or its configuration, or a function without arguments that returns one. Options
    take precedence over the configuration. The result goes to the standard output, everything else to the standard
    error.
    """
    try:
        with Progress() as progress:
            with printing_to_standard_error():
                config = load(task)
            updated = update_service(
                config,
                name=name,
                namespace=namespace,
                cluster=cluster,
                owner=owner,
                adopt=adopt,
                wait=wait,
                tell=progress.update,
            )
    except LoadingError as error:
        print_error(str(error))
        sys.exit(_NOT_TRIED)
    except InvalidSpecError as error:
        sys.exit(_NOT_TRIED if print_faults(error) else _NOT_UPDATED)
    except DataServiceError as error:
        print_error(str(error))
        sys.exit(_NOT_UPDATED)
    except KeyboardInterrupt:
        print_error("Interrupted. Changes that were sent already stay; a new update continues from there.")
        sys.exit(_INTERRUPTED)
    result = updated.message + (" It is ready." if updated.ready else "")
    results().print(Text(result), soft_wrap=not sys.stdout.isatty())
