"""Version 1.16.31 of the plugin, as PyPI has it, in an environment of its own."""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import subprocess
import sys
import textwrap
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

REQUIREMENTS = ("flytekitplugins-k8sdataservice==1.16.31", f"flytekit=={version('flytekit')}")

#: Kept between runs. Making it takes a minute.
FOLDER = Path(__file__).parents[2] / f".venv-version-1-py{sys.version_info.major}{sys.version_info.minor}"

#: The message of pip where it reaches no index of packages.
UNREACHABLE = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ProxyError")


@cache
def python_of_version_1() -> Path:
    """Returns the interpreter that has version 1 installed; makes the environment if it is missing."""
    python = FOLDER / "bin" / "python"
    complete = FOLDER / "complete"
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.is_file() and complete.read_text() == repr(REQUIREMENTS):
            return python
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        install: list[str | Path] = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *REQUIREMENTS,
        ]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        # Continuous integration sets CI: a comparison that nobody makes must fail there.
        if done.returncode and "CI" not in os.environ and any(sign in done.stderr for sign in UNREACHABLE):
            pytest.skip(f"PyPI cannot be reached, so that there is no version 1 to compare with: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr
        complete.write_text(repr(REQUIREMENTS))
    return python


#: Runs scripts one after the other, so that flytekit is imported once. Whatever else is written goes to standard error.
SERVE = """
import json, os, sys, traceback
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    script, given = json.loads(line)
    found = {"given": given}
    try:
        exec(script, found)
        answer = {"answer": found["answer"]}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), file=answers, flush=True)
"""


class Interpreter:
    """A process of Python that runs scripts."""

    def __init__(self, python: Path | str) -> None:
        """Starts the process, which ends with this one."""
        self.process = subprocess.Popen(
            [python, "-B", "-I", "-c", SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"},
        )
        atexit.register(self.process.kill)

    def run(self, script: str, given: Any) -> Any:
        """Runs a script that finds ``given`` and assigns to ``answer``, and returns that; both are plain data."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin and stdout
        print(json.dumps([textwrap.dedent(script), given]), file=stdin, flush=True)
        answer = json.loads(stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["answer"]


@cache
def _interpreter(python: Path | str) -> Interpreter:
    return Interpreter(python)


def version_1(script: str, given: Any = None) -> Any:
    """Runs a script with version 1, as ``Interpreter.run`` does."""
    return _interpreter(python_of_version_1()).run(script, given)


def version_2(script: str, given: Any = None) -> Any:
    """Runs a script with this version, as ``Interpreter.run`` does."""
    return _interpreter(sys.executable).run(script, given)
