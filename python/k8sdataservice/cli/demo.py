"""``demo``: shows a data service on this machine alone, step by step."""

from __future__ import annotations

import os
import sys
import time

import click
from rich.text import Text

from k8sdataservice.cli.console import exit_codes, print_error, results
from k8sdataservice.cli.performance import Performance
from k8sdataservice.exceptions import DataServiceError

_EXIT_CODES = exit_codes(
    {
        0: "every step was seen, and nothing is left",
        1: "a step did not go as it should, or something is left",
        130: "interrupted by Ctrl-C; nothing is left",
    }
)


@click.command(epilog=_EXIT_CODES)
def demo() -> None:
    """Show a data service on this machine alone, step by step.

    Starts a service of two replicas, which are processes of this Python, reads a page from each, kills one and watches
    it come back, deletes the service, and checks that nothing is left. It needs no cluster, no network and no root, and
    takes a few seconds.
    """
    _forget_settings()
    performance, code = Performance(_Steps()), 0
    try:
        performance.run()
    except DataServiceError as error:
        print_error(str(error))
        code = 1
    except KeyboardInterrupt:
        code = 130
    # Not in a `finally`: the frames of an exception would keep the client, whose watches report that nobody answers.
    performance.end()
    if code == 0:
        code = _prove(performance)
    sys.exit(code)


def _prove(performance: Performance) -> int:
    try:
        performance.prove()
    except DataServiceError as error:
        print_error(str(error))
        return 1
    return 0


def _forget_settings() -> None:
    """Leaves out what the platform has set: the demonstration is about itself alone."""
    for name in [name for name in os.environ if name.startswith("K8SDATASERVICE_")]:
        del os.environ[name]


class _Steps:
    """Prints each step with the seconds since the first one."""

    def __init__(self) -> None:
        self._console = results()
        self._began = time.monotonic()

    def __call__(self, words: str, style: str = "") -> None:
        seconds = time.monotonic() - self._began
        self._console.print(Text.assemble((f"{seconds:6.1f} s", "dim"), "  ", (words, style)))
