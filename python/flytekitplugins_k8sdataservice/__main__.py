"""What can be done from the command line: ``python -m flytekitplugins_k8sdataservice``."""

from __future__ import annotations

import click

from flytekitplugins_k8sdataservice.commands.console import log_to_standard_error
from flytekitplugins_k8sdataservice.commands.plan import plan
from flytekitplugins_k8sdataservice.commands.settings import settings
from flytekitplugins_k8sdataservice.commands.update import update


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    package_name="flytekitplugins-k8sdataservice",
    prog_name="flytekitplugins-k8sdataservice",
    message="%(prog)s %(version)s",
)
def main() -> None:
    """Data services for Flyte workflows.

    Documentation: https://github.com/flyteorg/flytekitplugins-k8sdataservice
    """
    log_to_standard_error()


main.add_command(plan)
main.add_command(settings)
main.add_command(update)

if __name__ == "__main__":
    main(prog_name="python -m flytekitplugins_k8sdataservice")
