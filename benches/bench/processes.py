"""Programs that run to their end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.errors import BenchError

#: These would let the environment of whoever runs the benchmark into the environments that it compares.
_OWN = frozenset({"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"})


def environment(*, proxies: bool = False) -> dict[str, str]:
    """Returns this process's environment without what belongs to its own Python.

    Args:
        proxies: Keep the proxies, which are meant for other machines than a cluster that is measured.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _OWN}
    if not proxies:
        kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    return kept


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    cwd: Path | None = None,
) -> str:
    """Runs a program and returns what it wrote to standard output.

    Args:
        command: The program and its arguments.
        what: What it is run for, to finish the sentence "It was not possible to".
        env: Its environment. Default: `environment()`.
        input: What it reads from standard input.
        cwd: The folder it runs in.

    Raises:
        BenchError: It could not be run or failed.
    """
    try:
        result = subprocess.run(
            [str(part) for part in command],
            env=environment() if env is None else env,
            input="" if input is None else input,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise BenchError(f"It was not possible to {what}: {error}.") from error
    if result.returncode != 0:
        said = (result.stderr.strip() or result.stdout.strip())[-2000:]
        raise BenchError(f"It was not possible to {what}. The command ended with {result.returncode} and said: {said}")
    return result.stdout
