"""``version``: what is installed."""

from __future__ import annotations

from importlib.metadata import version as installed

import click


@click.command()
@click.pass_context
def version(context: click.Context) -> None:
    """Show the version."""
    click.echo(f"{context.find_root().info_name} {installed('k8sdataservice')}")
