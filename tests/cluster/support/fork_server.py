"""Starts `pyflyte` in processes that have imported the libraries beneath Flyte's SDK already.

A third of the work of a test run was to import them for each connector. Flyte's SDK and this project are imported by
each process itself, in its own environment, as where the program is started from a shell.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

#: Most of what `pyflyte serve connector` imports besides Flyte's SDK and this project.
_LIBRARIES = [
    "aiohttp",
    "dataclasses_json",
    "docker",
    "flyteidl.service.agent_pb2_grpc",
    "fsspec",
    "grpc.aio",
    "grpc_health.v1.health_pb2_grpc",
    "mashumaro.mixins.json",
    "marshmallow",
    "prometheus_client",
    "pydantic",
    "requests",
    "rich.markdown",
    "rich.traceback",
    "rich_click",
    "yaml",
]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_LIBRARIES)


def start_pyflyte(arguments: list[str], environment: dict[str, str], log: Path) -> ForkServerProcess:
    """Starts `pyflyte` with these arguments, and this environment alone. Its output goes to the log."""
    pyflyte = str(Path(sys.executable).with_name("pyflyte"))
    process = _context.Process(target=_run, args=([pyflyte, *arguments], environment, str(log)), daemon=True)
    process.start()
    return process


def _run(command: list[str], environment: dict[str, str], log: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    sys.orig_argv = [sys.executable, *command]
    sys.path[0] = str(Path(command[0]).parent)
    runpy.run_path(command[0], run_name="__main__")
