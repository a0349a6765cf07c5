"""``reap``: deletes the services that no run uses any more."""

from __future__ import annotations

import sys
import time

import click
from rich.text import Text

from k8sdataservice._core import Sweep
from k8sdataservice.cli.console import exit_codes, messages, place_of, print_error, results
from k8sdataservice.default_client import default_client
from k8sdataservice.exceptions import DataServiceError

#: How long one sweep may take, and the pause between two, in seconds.
_SWEEP, _PAUSE = 60.0, 60.0

_EXIT_CODES = exit_codes(
    {
        0: "every service that ends was deleted, and every idle one put to sleep",
        1: "a service could not be read or deleted, or the list failed",
        130: "interrupted by Ctrl-C",
    }
)


@click.command(epilog=_EXIT_CODES)
@click.option("--namespace", "-n", help="The namespace of the services. Default: as the connector would decide.")
@click.option("--cluster", help="The cluster of the services. Default: the current context.")
@click.option("--dry-run", is_flag=True, help="Report what would be done, and do nothing.")
@click.option("--watch", "-w", is_flag=True, help="Look again every 60 s until interrupted.")
def reap(namespace: str | None, cluster: str | None, dry_run: bool, watch: bool) -> None:
    """Delete the services that no run uses any more, or whose ttl is over, and put idle ones to sleep.

    A service ends, or is put to sleep, as its Lifetime says. Only a run that was seen alive and has ended since ends a
    service: while it is unknown whether a run goes on, nothing is changed. Connectors do the same by themselves; this
    command is for a CronJob, and for services whose connector is away.
    """
    try:
        while True:
            is_complete = _sweep(place_of(namespace, cluster), cluster, dry_run)
            if not watch:
                sys.exit(0 if is_complete else 1)
            time.sleep(_PAUSE)
    except KeyboardInterrupt:
        sys.exit(130)


def _sweep(namespace: str, cluster: str | None, dry_run: bool) -> bool:
    """Sweeps once, and returns whether all services could be looked at."""
    try:
        sweep = default_client().reap_sync(namespace=namespace, cluster=cluster, dry_run=dry_run, timeout=_SWEEP)
    except DataServiceError as error:
        print_error(str(error))
        return False
    _report(sweep, dry_run)
    return not sweep.errors


def _report(sweep: Sweep, dry_run: bool) -> None:
    if sweep.warning:
        messages().print(Text(sweep.warning, style="yellow"))
    for service in sweep.services:
        what = "stays"
        if service.ends:
            what = "would be deleted" if dry_run else "deleted" if service.deleted else "ends"
        if service.put_to_sleep:
            what = "would be put to sleep" if dry_run else "put to sleep"
        line = f"{service.namespace}/{service.name} {what}: {service.reason}"
        results().print(Text(line), soft_wrap=True)
    for error in sweep.errors:
        print_error(error)
