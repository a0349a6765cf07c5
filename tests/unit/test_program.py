"""The command line by each of the names that it can be called by."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent

#: How it is called, and what it calls itself.
CALLS = {
    "dataservice": [str(BIN / "dataservice")],
    "kubectl dataservice": [str(BIN / "kubectl-dataservice")],
    "python -m k8sdataservice": [sys.executable, "-m", "k8sdataservice"],
    "python -m flytekitplugins_k8sdataservice": [sys.executable, "-m", "flytekitplugins_k8sdataservice"],
}

WORKFLOWS = """
import logging
from flytekitplugins_k8sdataservice import DataServiceConfig
print("printed by the user's module")
logging.getLogger("flytekit").warning("logged by the user's module")
good = DataServiceConfig(Name="foo", Image="busybox")
"""


def run(call: list[str], *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*call, *arguments], capture_output=True, text=True, timeout=60, check=False, env=os.environ | variables
    )


@pytest.mark.parametrize("name", CALLS)
def test_help_and_errors_have_the_name_that_was_called(name: str) -> None:
    assert run(CALLS[name], "--help").stdout.startswith(f"Usage: {name} [OPTIONS] COMMAND [ARGS]...")
    # click breaks a long line.
    usage = " ".join(run(CALLS[name], "plan", "--help").stdout.split())
    assert usage.startswith(f"Usage: {name} plan [OPTIONS] FILE_OR_MODULE:TASK")
    for arguments, words in ((["nothing"], "No such command 'nothing'"), (["plan"], "Missing argument")):
        failed = run(CALLS[name], *arguments)
        assert failed.returncode == 2 and failed.stdout == ""
        assert failed.stderr.startswith(f"Usage: {name} ")
        assert words in failed.stderr


@pytest.mark.parametrize("name", CALLS)
def test_each_has_all_commands_and_a_version(name: str) -> None:
    commands = run(CALLS[name], "--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in commands] == [
        "delete",
        "demo",
        "list",
        "plan",
        "reap",
        "receipts",
        "settings",
        "sleep",
        "update",
        "version",
        "wake",
    ]
    number = version("k8sdataservice")
    assert run(CALLS[name], "version").stdout == f"{name} {number}\n"
    # As it has always called itself there.
    shown = "flytekitplugins-k8sdataservice" if name.endswith("flytekitplugins_k8sdataservice") else name
    assert run(CALLS[name], "--version").stdout == f"{shown} {number}\n"


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kubectl_finds_it() -> None:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = run(["kubectl", "dataservice"], "version", PATH=path)
    assert done.stdout == f"kubectl dataservice {version('k8sdataservice')}\n", done.stderr


@pytest.mark.parametrize("name", CALLS)
def test_output_of_a_module_does_not_mix_with_the_objects(name: str, tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(WORKFLOWS)
    done = run(CALLS[name], "plan", f"{tmp_path}/flows.py:good", "--offline", K8SDATASERVICE_NAMESPCE="x")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("apiVersion: apps/v1\n")
    printed = " ".join(done.stderr.split())
    assert "printed by the user's module" in printed
    assert "Did you mean K8SDATASERVICE_NAMESPACE?" in printed
    assert "user's module" not in done.stdout and "Did you mean" not in done.stdout
