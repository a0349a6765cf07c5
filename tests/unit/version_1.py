"""Version 1.16.31 of the plugin, as PyPI has it, in an environment of its own."""

from __future__ import annotations

import fcntl
import json
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

#: What pip writes where it reaches no index of packages.
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
        if done.returncode and any(sign in done.stderr for sign in UNREACHABLE):
            pytest.skip(f"PyPI cannot be reached, so that there is no version 1 to compare with: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr
        complete.write_text(repr(REQUIREMENTS))
    return python


def run(python: Path | str, script: str, given: Any = None) -> Any:
    """Runs a script that finds ``given`` and assigns to ``answer``, and returns that.

    Args:
        python: The interpreter.
        script: The script.
        given: What it finds as ``given``, plain data.
    """
    whole = f"import json, sys\ngiven = json.load(sys.stdin)\n{textwrap.dedent(script)}\nprint(json.dumps(answer))"
    done = subprocess.run(
        [python, "-B", "-I", "-c", whole],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    # Importing version 1 writes lines of its own.
    return json.loads(done.stdout.splitlines()[-1])


def version_1(script: str, given: Any = None) -> Any:
    """Runs a script with version 1, as ``run`` does."""
    return run(python_of_version_1(), script, given)


def version_2(script: str, given: Any = None) -> Any:
    """Runs a script with this version, as ``run`` does."""
    return run(sys.executable, script, given)
