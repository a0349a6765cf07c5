"""How commands print to a terminal, and to what is none."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from k8sdataservice.exceptions import Fault, InvalidSpecError

#: The subject of an error that is not about a field of the configuration.
_ARGUMENTS = ("name", "namespace", "cluster")


def results() -> Console:
    """Returns the standard output for what other programs may read, where no line is broken."""
    return Console(soft_wrap=True, highlight=False)


def messages() -> Console:
    """Returns the standard error for messages, which a terminal shows broken between words."""
    return Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False)


def exit_codes(meanings: dict[int, str]) -> str:
    """Returns the meanings of a command's exit codes, as the end of its help."""
    width = max(len(str(code)) for code in meanings)
    # The first character keeps the lines as they are.
    return "\n".join(["\b", "Exit codes:", *(f"  {code:<{width}}  {meaning}" for code, meaning in meanings.items())])


def print_faults(error: InvalidSpecError) -> bool:
    """Prints all that is wrong with a configuration, and returns whether that is an argument of the call instead."""
    for fault in error.faults or [Fault(error.field or "", str(error))]:
        print_fault(messages(), *fault)
    return error.field in _ARGUMENTS


def print_error(message: str) -> None:
    """Prints why a command could not do what it was asked to."""
    messages().print(Text(message, style="red"))


def print_fault(console: Console, path: str, message: str) -> None:
    """Prints what is wrong with a field, its path first.

    Args:
        console: Where to print it.
        path: The path of the field.
        message: What is wrong. Most of a field's own messages begin with its path, as the subject of their sentence.
    """
    rest = message.removeprefix(path)
    joint = "" if path and rest != message and rest.startswith(" ") else ": "
    console.print(Text.assemble((path, "bold red"), (joint + (rest if not joint else message), "red")))


def place_of(namespace: str | None, cluster: str | None) -> str:
    """Returns the namespace that a command is about; ends the program where it is not known."""
    from k8sdataservice import settings

    if namespace:
        return namespace
    try:
        return settings.namespace(cluster)
    except InvalidSpecError as error:
        print_error(str(error))
        sys.exit(1)
