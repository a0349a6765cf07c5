"""``wake``: gives a service that sleeps its replicas back."""

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
        0: "the service is awake and ready",
        1: "it was refused, failed, or did not become ready in time",
        130: "interrupted by Ctrl-C",
    }
)


@click.command(epilog=_EXIT_CODES)
@click.argument("name")
@click.option("--namespace", "-n", help="The namespace of the service. Default: as the connector would decide.")
@click.option("--cluster", help="The cluster of the service. Default: the current context.")
@click.option("--wait", default=600.0, show_default=True, help="For how many seconds to wait; 0 does not wait.")
def wake(name: str, namespace: str | None, cluster: str | None, wait: float) -> None:
    """Wake a service that sleeps, and wait until it is ready.

    It gets as many replicas as it had, and finds its storage again. A service that is awake is left as it is.
    """
    client = default_client()
    namespace = place_of(namespace, cluster)
    try:
        woken = client.wake_sync(name, namespace=namespace, cluster=cluster, timeout=_PATIENCE)
        if woken.warning:
            messages().print(Text(woken.warning, style="yellow"))
        results().print(Text(woken.message))
        if wait <= 0:
            return
        status = client.wait_sync(name, namespace=namespace, cluster=cluster, timeout=wait)
    except DataServiceError as error:
        print_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    if status.phase != "Ready":
        print_error(status.message)
        sys.exit(1)
    results().print(Text(status.message))
