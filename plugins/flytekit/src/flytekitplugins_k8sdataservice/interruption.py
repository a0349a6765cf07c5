"""The signals that end a local run early, and the messages about them."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import suppress
from types import FrameType

from flytekit import FlyteContextManager

#: The signals that end a process besides Ctrl-C, which flytekit handles: its terminal was closed, or somebody
#: stopped it. Windows has no SIGHUP.
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGHUP", "SIGTERM") if hasattr(signal, name))

#: As shells report a process that a signal has ended.
_BY_A_SIGNAL = 128


def end_like_ctrl_c() -> None:
    """Lets a closed terminal and SIGTERM do what Ctrl-C does: remove what the run made.

    A signal that is handled or ignored already, as by ``nohup``, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for each in _SIGNALS:
        if signal.getsignal(each) is signal.SIG_DFL:
            signal.signal(each, _end)


def say(message: str) -> None:
    """Prints a line for the person who interrupted the run, if the terminal is still there."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()


def _end(signum: int, frame: FrameType | None) -> None:
    # A shell sends it once more to what it has started.
    signal.signal(signum, signal.SIG_IGN)
    try:
        for handler in FlyteContextManager.signal_handlers:
            handler(signum, frame)
    finally:
        # Where somebody catches the exit, the next signal ends the process.
        signal.signal(signum, signal.SIG_DFL)
    sys.exit(_BY_A_SIGNAL + signum)
