"""``python -m flytekitplugins_k8sdataservice update``: changes a service that runs."""

from __future__ import annotations

import rich_click as click

from flytekitplugins_k8sdataservice.exceptions import DataServiceError


@click.command()
@click.argument("service", metavar="FILE_OR_MODULE:TASK")
@click.option("--name", help="The service's name, where the configuration gives none.")
@click.option("--namespace", help="The namespace that the service lives in. Default: the platform's.")
@click.option("--owner", help="The id of the owner in whose name it is changed, as the service's annotation has it.")
@click.option("--adopt", is_flag=True, help="Take the service over where it belongs to somebody else.")
@click.option("--wait", default=600.0, show_default=True, help="For how many seconds to wait; 0 does not wait.")
def update(service: str, name: str | None, namespace: str | None, owner: str | None, adopt: bool, wait: float) -> None:
    """Make a service that runs as its configuration says now, and wait until it is ready."""
    from flytekitplugins_k8sdataservice.loading import load
    from flytekitplugins_k8sdataservice.progress import Progress
    from flytekitplugins_k8sdataservice.update import update as update_service

    try:
        with Progress() as progress:
            updated = update_service(
                load(service),
                name=name,
                namespace=namespace,
                owner=owner,
                adopt=adopt,
                wait=wait,
                tell=progress.update,
            )
    except DataServiceError as error:
        raise click.ClickException(str(error)) from None
    click.echo(updated.message)
