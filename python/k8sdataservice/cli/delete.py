"""``delete``: deletes a service."""

from __future__ import annotations

import sys

import click
from rich.text import Text

from k8sdataservice._core import Client
from k8sdataservice.cli.console import exit_codes, messages, place_of, print_error, results
from k8sdataservice.default_client import default_client
from k8sdataservice.exceptions import DataServiceError

#: For how many seconds to try.
_PATIENCE = 15.0

_EXIT_CODES = exit_codes(
    {
        0: "the service is deleted",
        1: "it does not exist, was refused, or could not be deleted",
        130: "interrupted by Ctrl-C",
    }
)


@click.command(epilog=_EXIT_CODES)
@click.argument("name")
@click.option("--namespace", "-n", help="The namespace of the service. Default: as the connector would decide.")
@click.option("--cluster", help="The cluster of the service. Default: the current context.")
@click.option("--force", is_flag=True, help="Delete it even if runs use it.")
@click.option("--dry-run", is_flag=True, help="Report what would be done, and do nothing.")
def delete(name: str, namespace: str | None, cluster: str | None, force: bool, dry_run: bool) -> None:
    """Delete a service, with its Service and whatever else belongs to it.

    A service that runs use, or may use, is refused unless you add --force. Objects that a data
    service task has not created are never deleted.
    """
    client = default_client()
    place = place_of(namespace, cluster)
    try:
        users = [] if force else _users(client, name, place, cluster)
        if users:
            print_error(
                f"Data service {name} in namespace {place} is used by {', '.join(users)}. To delete it all the same, "
                "add --force."
            )
            sys.exit(1)
        if dry_run:
            status = client.get_sync(name, namespace=place, cluster=cluster)
            if status.reason == "StatefulSetNotFound":
                _refuse_missing(client, name, place, cluster)
            results().print(Text(f"Data service {name} in namespace {place} would be deleted."))
            return
        deletion = client.delete_sync(name, namespace=place, cluster=cluster, force=force, timeout=_PATIENCE)
    except DataServiceError as error:
        print_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    if deletion.warning:
        messages().print(Text(deletion.warning, style="yellow"))
    if deletion.outcome == "NothingThere":
        _refuse_missing(client, name, place, cluster)
    if deletion.outcome == "InUse":
        # A run has joined since.
        print_error(f"Data service {name} is used by {', '.join(deletion.used_by)}, and ends with the last of them.")
        sys.exit(1)
    is_held = deletion.outcome == "Terminating"
    rest = " is being deleted: a finalizer holds one of its objects." if is_held else " is deleted."
    results().print(Text(f"Data service {name} in namespace {place}{rest}"))


def _users(client: Client, name: str, namespace: str, cluster: str | None) -> list[str]:
    selector = f"app.kubernetes.io/instance={name}"
    listing = client.list_sync(namespace=namespace, cluster=cluster, selector=selector)
    return [user for service in listing.services if service.name == name for user in service.used_by]


def _refuse_missing(client: Client, name: str, namespace: str, cluster: str | None) -> None:
    """Reports that the service does not exist, and where one of its name does."""
    try:
        listing = client.list_sync(cluster=cluster, selector=f"app.kubernetes.io/instance={name}")
        places = [service.namespace for service in listing.services if service.name == name]
    except DataServiceError:
        # An account that may not list in all namespaces.
        places = []
    elsewhere = f" It exists in {', '.join(places)}: add -n." if places else ""
    print_error(f"Data service {name} does not exist in namespace {namespace}.{elsewhere}")
    sys.exit(1)
