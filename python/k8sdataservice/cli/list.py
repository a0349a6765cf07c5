"""``list``: shows the services of a namespace or of the cluster, who uses each and when it ends."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import click
from rich.text import Text

from k8sdataservice._core import Listed, Listing
from k8sdataservice.cli.console import exit_codes, messages, place_of, print_error
from k8sdataservice.cli.table import span, table
from k8sdataservice.default_client import default_client
from k8sdataservice.exceptions import DataServiceError

#: How often ``--watch`` looks, in seconds.
_PAUSE = 2.0

_EXIT_CODES = exit_codes(
    {
        0: "the services were listed",
        1: "the services could not be listed",
        130: "interrupted by Ctrl-C",
    }
)


@click.command(name="list", epilog=_EXIT_CODES)
@click.option("--namespace", "-n", help="The namespace of the services. Default: as the connector would decide.")
@click.option("--all-namespaces", "-A", is_flag=True, help="List the services of all namespaces.")
@click.option("--selector", "-l", help="A label selector, such as team=ml.")
@click.option("--watch", "-w", is_flag=True, help="Show each change until interrupted.")
@click.option("--output", "-o", type=click.Choice(["wide", "json", "yaml", "name"]), help="The format.")
@click.option("--cluster", help="The cluster of the services. Default: the current context.")
def list_services(
    namespace: str | None,
    all_namespaces: bool,
    selector: str | None,
    watch: bool,
    output: str | None,
    cluster: str | None,
) -> None:
    """List services: how each is doing, who uses it, and when it ends.

    HELD BY names the runs that use a service, and runs whose state is unknown. ENDS is `never` for
    a service that stays until somebody deletes it, `with runs` for one that ends with the last run that uses it, and
    otherwise the time until it ends.
    """
    if watch and output in ("json", "yaml"):
        raise click.UsageError("--watch shows a table: leave out -o json and -o yaml.")
    if namespace and all_namespaces:
        raise click.UsageError("-n and -A exclude each other.")
    place = None if all_namespaces else place_of(namespace, cluster)

    def look() -> Listing:
        return default_client().list_sync(namespace=place, cluster=cluster, selector=selector)

    try:
        _show(look(), place, output)
        shown: dict[tuple[str, str], list[str]] = {}
        while watch:
            time.sleep(_PAUSE)
            shown = _show_changes(look, shown, is_wide=output == "wide", in_all=place is None)
    except DataServiceError as error:
        print_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _show(listing: Listing, place: str | None, output: str | None) -> None:
    if listing.warning:
        messages().print(Text(listing.warning, style="yellow"))
    services = listing.services
    if output == "json":
        click.echo(json.dumps([_as_data(service) for service in services], indent=2))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump([_as_data(service) for service in services], sort_keys=False).rstrip())
    elif output == "name":
        for service in services:
            click.echo(f"{service.namespace}/{service.name}" if place is None else service.name)
    elif not services:
        where = "the cluster" if place is None else f"namespace {place}"
        messages().print(f"No data services found in {where}.")
    else:
        header = _header(is_wide=output == "wide", in_all=place is None)
        rows = [_row(service, is_wide=output == "wide", in_all=place is None) for service in services]
        for line in table([header, *rows]):
            click.echo(line)


def _show_changes(
    look: Callable[[], Listing], shown: dict[tuple[str, str], list[str]], *, is_wide: bool, in_all: bool
) -> dict[tuple[str, str], list[str]]:
    """Prints the rows that differ from those that were shown, apart from their ages, and returns all of them."""
    services = look().services
    now = {(each.namespace, each.name): _row(each, is_wide=is_wide, in_all=in_all) for each in services}
    # A watch begins with the whole list.
    if shown:
        age = _header(is_wide=is_wide, in_all=in_all).index("AGE")
        changed = [row for key, row in now.items() if _without(row, age) != _without(shown.get(key, []), age)]
        gone = [[*row[: age - 1], "Deleted", *row[age:]] for key, row in shown.items() if key not in now]
        for line in table([*changed, *gone]):
            click.echo(line)
    return now or shown


def _without(row: list[str], index: int) -> list[str]:
    # The time until a service ends passes, too.
    return [cell for place, cell in enumerate(row) if place != index and not cell.startswith("in ")]


def _header(*, is_wide: bool, in_all: bool) -> list[str]:
    header = ["NAME", "READY", "STATUS", "REASON", "AGE", "HELD BY", "ENDS"]
    return [*(["NAMESPACE"] if in_all else []), *header, *(["IMAGE", "CREATED BY", "MESSAGE"] if is_wide else [])]


def _row(service: Listed, *, is_wide: bool, in_all: bool) -> list[str]:
    wanted = "?" if service.wanted is None else str(service.wanted)
    row = [
        service.name,
        f"{service.ready}/{wanted}",
        service.phase,
        "-" if service.reason == service.phase else service.reason,
        _age(service.created),
        ",".join(service.used_by) or "-",
        _ends(service),
    ]
    wide = [service.image, service.created_by, service.message.splitlines()[0] if service.message else ""]
    return [*([service.namespace] if in_all else []), *row, *(wide if is_wide else [])]


def _ends(service: Listed) -> str:
    if service.ends_at is not None:
        return f"in {span(service.ends_at - time.time())}"
    return "with runs" if service.ends == "with its last run" else service.ends


def _age(created: float | None) -> str:
    return "?" if created is None else span(time.time() - created)


def _as_data(service: Listed) -> dict[str, Any]:
    return {
        "name": service.name,
        "namespace": service.namespace,
        "phase": service.phase,
        "reason": service.reason,
        "message": service.message,
        "readyReplicas": service.ready,
        "replicas": service.wanted,
        "created": _time(service.created),
        "createdBy": service.created_by,
        "image": service.image,
        "heldBy": list(service.used_by),
        "ends": service.ends if service.ends_at is None else _time(service.ends_at),
    }


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
