"""``receipts``: shows what services that have ended have used, and why they ended."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from k8sdataservice.cli.console import exit_codes, messages, place_of, print_error
from k8sdataservice.cli.table import table
from k8sdataservice.default_client import default_client
from k8sdataservice.exceptions import DataServiceError

#: An hour, in seconds, and a GiB, in bytes.
_HOUR, _GIB = 3600.0, 2.0**30

_EXIT_CODES = exit_codes({0: "the receipts were listed", 1: "they could not be read", 130: "interrupted by Ctrl-C"})


@click.command(epilog=_EXIT_CODES)
@click.argument("name", required=False)
@click.option("--namespace", "-n", help="The namespace of the services. Default: as the connector would decide.")
@click.option("--all-namespaces", "-A", is_flag=True, help="Show the services of all namespaces.")
@click.option("--output", "-o", type=click.Choice(["wide", "json", "yaml"]), help="The format.")
@click.option("--cluster", help="The cluster of the services. Default: the current context.")
def receipts(
    name: str | None, namespace: str | None, all_namespaces: bool, output: str | None, cluster: str | None
) -> None:
    """Show services that have ended: when and why, who used them, and what they requested.

    The receipts are those that the platform keeps (`receipts.keep`), and those of Events, which Kubernetes deletes
    after an hour. Pods count from their start to the end of the service, by their requests and not by their usage.
    """
    if namespace and all_namespaces:
        raise click.UsageError("-n and -A exclude each other.")
    place = None if all_namespaces else place_of(namespace, cluster)
    try:
        found = default_client().receipts_sync(namespace=place, cluster=cluster)
    except DataServiceError as error:
        print_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    # A receipt that is kept is in its Event, too.
    by_uid = {receipt["uid"]: receipt for receipt in map(json.loads, found)}
    wanted = [receipt for receipt in by_uid.values() if name in (None, receipt["service"])]
    _show(sorted(wanted, key=lambda receipt: str(receipt["endedAt"])), place, output)


def _show(found: list[dict[str, Any]], place: str | None, output: str | None) -> None:
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(found, sort_keys=False).rstrip())
    elif not found:
        where = "the cluster" if place is None else f"namespace {place}"
        messages().print(f"No receipts found in {where}.")
    else:
        in_all, is_wide, has_cost = place is None, output == "wide", any("cost" in each for each in found)
        header = ["NAME", "ENDED", "REASON", "HELD BY", "POD HOURS"]
        header = [*(["NAMESPACE"] if in_all else []), *header, *(["COST"] if has_cost else [])]
        if is_wide:
            header += ["CORE HOURS", "GIB HOURS", "CLAIM GIB HOURS", "IDLE", "CREATED BY"]
        rows = [_row(each, in_all=in_all, is_wide=is_wide, has_cost=has_cost) for each in found]
        for line in table([header, *rows]):
            click.echo(line)


def _row(receipt: dict[str, Any], *, in_all: bool, is_wide: bool, has_cost: bool) -> list[str]:
    users = list(dict.fromkeys(user["run"] for user in receipt["usedBy"]))
    row = [
        receipt["service"],
        receipt["endedAt"],
        receipt["reason"],
        ",".join(users) or "-",
        _hours(receipt["podSeconds"]),
    ]
    requests = receipt["requestSeconds"]
    idle = receipt.get("idleShare")
    wide = [
        _hours(requests.get("cpu")),
        _hours(requests.get("memory"), _GIB),
        _hours(receipt.get("claimByteSeconds"), _GIB),
        "-" if idle is None else f"{idle:.0%}",
        receipt["createdBy"],
    ]
    cost = [_cost(receipt.get("cost"))] if has_cost else []
    return [*([receipt["namespace"]] if in_all else []), *row, *cost, *(wide if is_wide else [])]


def _hours(seconds: float | None, unit: float = 1.0) -> str:
    return "-" if seconds is None else f"{seconds / unit / _HOUR:.2f}"


def _cost(cost: dict[str, Any] | None) -> str:
    if cost is None:
        return "-"
    return f"{cost['total']:.2f} {cost.get('currency', '')}".rstrip()
