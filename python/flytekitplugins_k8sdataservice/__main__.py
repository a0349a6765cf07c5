"""The commands of this package: ``python -m flytekitplugins_k8sdataservice``."""

from __future__ import annotations

import click

from flytekitplugins_k8sdataservice.commands.plan import plan


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Data services for Flyte, from the command line."""


main.add_command(plan)

if __name__ == "__main__":
    main(prog_name="python -m flytekitplugins_k8sdataservice")
