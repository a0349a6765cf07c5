"""The command that shows the platform's settings."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from k8sdataservice import settings as platform
from k8sdataservice.cli.console import exit_codes, messages, print_error
from k8sdataservice.exceptions import InvalidSpecError

#: Wide enough that nothing is cut where another program reads.
_UNCUT = 10_000

#: The meaning of the exit codes, for the help.
_EXIT_CODES = exit_codes(
    {
        0: "the settings can be followed",
        1: "a setting is at fault",
    }
)


@click.command(epilog=_EXIT_CODES)
def settings() -> None:
    """Show all settings and where they come from."""
    for warning in platform.warnings():
        messages().print(Text(warning, style="yellow"))
    try:
        platform.check()
    except InvalidSpecError as error:
        print_error(str(error))
        sys.exit(1)
    console = Console(width=None if sys.stdout.isatty() else _UNCUT, highlight=False, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Setting", no_wrap=True)
    table.add_column("Value", overflow="fold")
    table.add_column("From", overflow="fold")
    for setting, value, source in platform.shown():
        table.add_row(setting, value, source, style="dim" if source == platform.DEFAULT else None)
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())
