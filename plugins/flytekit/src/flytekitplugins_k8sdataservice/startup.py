"""The work at the time when flytekit loads the plugin, which happens in every process that imports flytekit."""

from __future__ import annotations

import logging
import os
import sys
from itertools import pairwise

from flytekit import logger
from k8sdataservice import settings
from k8sdataservice.settings.variables import PREFIX


class _Flytekit(logging.Handler):
    """Passes on to flytekit's logger what that would log itself."""

    def emit(self, record: logging.LogRecord) -> None:
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)


def log_with_flytekit() -> None:
    """Lets the client log where flytekit does, at flytekit's level and in its format."""
    client = logging.getLogger("k8sdataservice.client")
    client.handlers = [_Flytekit()]
    client.setLevel(logging.DEBUG)
    client.propagate = False


def check_settings_of_connector() -> None:
    """Checks all settings where a connector starts, and where the environment gives any.

    Nothing else refuses to start: every task's pod that has the variables imports the plugin, too.

    Raises:
        InvalidSpecError: One is at fault.
    """
    if any(name.startswith(PREFIX) and value for name, value in os.environ.items()) and _is_connector():
        for warning in settings.warnings():
            logger.warning(warning)
        settings.check()


def show_metrics_of_connector() -> None:
    """Lets Prometheus read the metrics where a connector starts. No other process imports its client."""
    if not _is_connector():
        return
    try:
        from flytekitplugins_k8sdataservice.prometheus import register
    except ImportError:
        # flytekit does not serve metrics either, and says so.
        return
    register()


def _is_connector() -> bool:
    # flytekit calls nothing of a connector when its service starts, so that only the command line shows it.
    words = sys.orig_argv
    return any(pair in (("serve", "connector"), ("serve", "agent")) for pair in pairwise(words))
