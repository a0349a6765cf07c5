"""The code of the pages about local mode and the test kit, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unit.local_runs import left_of

pytest_plugins = ("pytester",)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="local mode is tested on Linux"),
    pytest.mark.usefixtures("nobody_elses"),
]

PROJECT = Path(__file__).parents[2]


def first_code_of(page: str) -> str:
    return (PROJECT / "docs" / page).read_text().split("```python\n")[1].split("```")[0]


def test_the_documented_tests_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_documented=first_code_of("testing.md"))
    pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120).assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("file", "workflow", "answer"),
    [("local-mode.md", "local", "2"), ("quickstart.py", "quickstart", "['hello from")],
)
def test_the_documented_workflows_run(tmp_path: Path, file: str, workflow: str, answer: str) -> None:
    is_page = file.endswith(".md")
    (tmp_path / "workflows.py").write_text(
        first_code_of(file) if is_page else (PROJECT / "examples" / file).read_text()
    )
    command = [str(Path(sys.executable).with_name("pyflyte")), "run", "workflows.py", workflow]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=os.environ | {"K8SDATASERVICE_LOCAL": "processes"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert answer in output
    assert left_of(process.pid) == []
