"""Signals that end a local run: which are handled, and what is left as it was."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")

#: A process that reports that a handler ran, and sends itself a signal; an exit that is caught is no end.
_PROCESS = """
import os, signal, sys, time
from flytekit import FlyteContextManager
from flytekitplugins_k8sdataservice.interruption import end_like_ctrl_c
{before}
end_like_ctrl_c()
FlyteContextManager.add_signal_handler(lambda *_: print("handled", flush=True))
try:
    os.kill(os.getpid(), signal.{name})
    time.sleep(1)
except SystemExit as ended:
    print(ended.code, flush=True)
{after}
"""


def run(name: str, before: str = "", after: str = "") -> subprocess.CompletedProcess[str]:
    code = _PROCESS.format(name=name, before=before, after=after)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("name", "code"), [("SIGHUP", 129), ("SIGTERM", 143)])
def test_it_ends_as_ctrl_c_does_and_only_once(name: str, code: int) -> None:
    done = run(name, after=f"os.kill(os.getpid(), signal.{name})")
    assert done.stdout == f"handled\n{code}\n", done
    assert done.returncode == -signal.Signals[name], "where the exit was caught, the next one ends the process"


def test_settings_of_the_process_itself_stay() -> None:
    ignored = run("SIGHUP", before="signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    assert (ignored.returncode, ignored.stdout) == (0, ""), "nohup keeps a run going"
    own = run("SIGTERM", before="signal.signal(signal.SIGTERM, lambda *_: print('own', flush=True))")
    assert (own.returncode, own.stdout) == (0, "own\n")
