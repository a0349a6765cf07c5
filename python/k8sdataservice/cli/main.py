"""The program that the commands belong to."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

#: The line of each command in the program's help. A command is loaded when it is called: the help needs none of them.
_COMMANDS = {
    "delete": "Delete a service.",
    "demo": "Show a data service on this machine alone, step by step.",
    "list": "List services, who uses each and when it ends.",
    "plan": "Show what a task would create, and what would fail.",
    "reap": "Delete the services that no run uses any more.",
    "receipts": "Show what services that have ended have used.",
    "settings": "Show all settings and where they come from.",
    "sleep": "Scale a service to zero until somebody wakes it.",
    "update": "Change a running service to what its configuration says.",
    "version": "Show the version.",
    "wake": "Wake a service that sleeps.",
}


#: The option that every command has.
_LOCAL = "local"

#: The function of a command whose name is one of Python's own.
_FUNCTIONS = {"list": "list_services"}


class _Commands(click.Group):
    """Commands that are loaded when they are called, each from the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"k8sdataservice.cli.{cmd_name}")
        command = getattr(module, _FUNCTIONS.get(cmd_name, cmd_name))
        assert isinstance(command, click.Command), f"{cmd_name} is a command"  # noqa: S101
        if not any(parameter.name == _LOCAL for parameter in command.params):
            command.params.append(_local())
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _local() -> click.Option:
    return click.Option(
        [f"--{_LOCAL}"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_switch_on,
        help="Use the services of local mode, whose replicas are processes on this machine.",
    )


def _switch_on(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    from k8sdataservice.local import switch_on

    if value:
        switch_on()


def program(name: str | None = None) -> click.Group:
    """Returns the program with all commands.

    Args:
        name: What ``--version`` calls it. Default: as it was called.
    """

    @click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name="k8sdataservice", prog_name=name, message="%(prog)s %(version)s")
    def program() -> None:
        """Data services for Flyte workflows.

        Documentation: https://github.com/flyteorg/flytekitplugins-k8sdataservice
        """
        from k8sdataservice.cli.standard_error import log_to_standard_error

        log_to_standard_error()

    return program


def main() -> None:
    """Runs the program under the name that it was called by."""
    program()(prog_name=_called())


def _called() -> str | None:
    """Returns how the program was called where click cannot know: `kubectl dataservice` runs `kubectl-dataservice`."""
    name = Path(sys.argv[0]).name.removesuffix(".exe")
    return name.replace("-", " ", 1) if name.startswith("kubectl-") else None
