"""What can be done from the command line: ``python -m flytekitplugins_k8sdataservice``."""

from __future__ import annotations

import click

from flytekitplugins_k8sdataservice.commands.settings import settings


@click.group()
def main() -> None:
    """Data services for Flyte workflows."""


main.add_command(settings)

if __name__ == "__main__":
    main(prog_name="python -m flytekitplugins_k8sdataservice")
