"""Keeps the standard output for results: what loggers and users' modules print goes to the standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


def log_to_standard_error() -> None:
    """Lets each logger that writes to the standard output, such as flytekit's, write to the standard error instead."""
    for logger in (logging.root, *logging.root.manager.loggerDict.values()):
        for handler in getattr(logger, "handlers", ()):
            _redirect(handler)


@contextmanager
def printing_to_standard_error() -> Iterator[None]:
    """Sends what is printed meanwhile to the standard error, and what loggers print that appear meanwhile for good."""
    with redirect_stdout(sys.stderr):
        yield
    log_to_standard_error()


def _redirect(handler: logging.Handler) -> None:
    # A process with a handler of rich's has loaded rich already; no other process needs it.
    rich = sys.modules.get("rich.logging")
    if rich is not None and isinstance(handler, rich.RichHandler):
        from k8sdataservice.cli.console import messages

        handler.console = messages()
    elif isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
        handler.setStream(sys.stderr)
