"""A real ``pyflyte run`` of a file, as a user starts it.

No ``preexec_fn``: it makes Python fork instead of spawn, and in the child of a fork gRPC starts its threads again,
which sometimes crash the child before it becomes ``pyflyte``.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

PYFLYTE = str(Path(sys.executable).with_name("pyflyte"))


def run(env: dict[str, str], file: Path, *args: str) -> str:
    """Runs a workflow to its end and returns what it printed; fails if it failed."""
    with start(env, file, *args) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


def start(env: dict[str, str], file: Path, *args: str) -> subprocess.Popen[str]:
    """Starts a workflow and returns its process."""
    command = [PYFLYTE, "run", str(file), *args]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run_on_a_terminal(env: dict[str, str], file: Path, *args: str) -> str:
    """Runs a workflow as one sees it who sits before it, and returns everything that the terminal was sent."""
    ours, theirs = pty.openpty()
    command = [PYFLYTE, "run", str(file), *args]
    env = env | {"TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        output = b""
        with suppress(OSError):  # Which is how a terminal says that nobody is left on its other side.
            while piece := os.read(ours, 4096):
                output += piece
        os.close(ours)
    text = output.decode(errors="replace")
    assert process.returncode == 0, text
    return text


def start_on_a_terminal(env: dict[str, str], file: Path, *args: str) -> tuple[subprocess.Popen[bytes], int]:
    """Starts a workflow on a terminal of its own, and returns its process and our end of the terminal."""
    ours, theirs = pty.openpty()
    # `setsid --ctty` gives the run a session of its own and makes its input the controlling terminal.
    command = ["setsid", "--ctty", PYFLYTE, "run", str(file), *args]
    process = subprocess.Popen(command, env=env | {"TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    return process, ours


def interrupt(process: subprocess.Popen[str], signal_number: int = signal.SIGINT) -> str:
    """Sends what Ctrl-C sends, or another signal, waits for the end and returns what was printed."""
    process.send_signal(signal_number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0, output
    return output
