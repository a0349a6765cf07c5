"""``sleep``: scales a service to zero until somebody wakes it."""

from __future__ import annotations

import sys

import click
from rich.text import Text

from k8sdataservice.cli.console import exit_codes, messages, place_of, print_error, results
from k8sdataservice.default_client import default_client
from k8sdataservice.exceptions import DataServiceError

#: For how many seconds to try.
_PATIENCE = 15.0

_EXIT_CODES = exit_codes(
    {
        0: "the service is asleep",
        1: "it was refused, or failed",
        130: "interrupted by Ctrl-C",
    }
)


@click.command(epilog=_EXIT_CODES)
@click.argument("name")
@click.option("--namespace", "-n", help="The namespace of the service. Default: as the connector would decide.")
@click.option("--cluster", help="The cluster of the service. Default: the current context.")
@click.option("--force", is_flag=True, help="Put it to sleep even if runs use it.")
def sleep(name: str, namespace: str | None, cluster: str | None, force: bool) -> None:
    """Scale a service to zero, and keep its storage, until somebody wakes it.

    `dataservice wake` wakes it, and so does a task that creates or uses it. A service that runs use is refused, and so
    is one whose storage Kubernetes deletes with its pods. A
    connection to the service does not wake it.
    """
    try:
        slept = default_client().sleep_sync(
            name, namespace=place_of(namespace, cluster), cluster=cluster, force=force, timeout=_PATIENCE
        )
    except DataServiceError as error:
        print_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    if slept.warning:
        messages().print(Text(slept.warning, style="yellow"))
    results().print(Text(slept.message))
