"""The contracts of import-linter in pyproject.toml, which `make lint` checks: they fail for a forbidden import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("python/k8sdataservice", "plugins/flytekit/src/flytekitplugins_k8sdataservice")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "*.so")
        shutil.copytree(ROOT / package, tmp_path / Path(package).name, ignore=ignored)
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [str(program), "--config", str(ROOT / "pyproject.toml"), "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_packages_keep_the_contracts(tree: Path) -> None:
    done = lint(tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("k8sdataservice/owner.py", "import flytekit", "k8sdataservice needs no version of Flyte"),
        ("k8sdataservice/owner.py", "import k8sdataservice.plan", "Arrows in k8sdataservice point one way"),
        ("k8sdataservice/cli/console.py", "import k8sdataservice.cli.main", "Arrows in the command line point one way"),
        (
            "flytekitplugins_k8sdataservice/infra.py",
            "import flytekitplugins_k8sdataservice.connector",
            "Arrows in flytekitplugins_k8sdataservice point one way",
        ),
    ],
)
def test_a_forbidden_import_breaks_a_contract(tree: Path, module: str, line: str, contract: str) -> None:
    with (tree / module).open("a") as source:
        source.write(f"\n{line}\n")
    done = lint(tree)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contract} BROKEN" in done.stdout
