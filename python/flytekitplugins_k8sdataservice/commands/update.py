"""``update``: makes a service that runs as its configuration says now."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.text import Text

from flytekitplugins_k8sdataservice.exceptions import DataServiceError
from flytekitplugins_k8sdataservice.loading import LoadingError, load
from flytekitplugins_k8sdataservice.progress import Progress
from flytekitplugins_k8sdataservice.updating import update as update_service


@click.command()
@click.argument("task", metavar="FILE_OR_MODULE:TASK")
@click.option("--name", help="The service's name. Default: the configuration's.")
@click.option("--namespace", help="Where the service lives. Default: as the connector would decide.")
@click.option("--owner", help="The id of the owner in whose name it is changed, as the service's annotation has it.")
@click.option("--adopt", is_flag=True, help="Take the service over where it is another owner's.")
@click.option("--wait", default=600.0, show_default=True, help="For how many seconds to wait; 0 does not wait.")
def update(task: str, name: str | None, namespace: str | None, owner: str | None, adopt: bool, wait: float) -> None:
    """Make a service that runs as its configuration says now, and wait until it is ready.

    What was done goes to the standard output, everything else to the standard error. The exit code is 0 if the
    service is so now, and 1 if not.
    """
    try:
        with Progress() as progress:
            updated = update_service(
                load(task),
                name=name,
                namespace=namespace,
                owner=owner,
                adopt=adopt,
                wait=wait,
                tell=progress.update,
            )
    except (LoadingError, DataServiceError) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(Text(str(error), style="red"))
        sys.exit(1)
    click.echo(updated.message + (" It is ready." if updated.ready else ""))
