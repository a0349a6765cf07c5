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


def code_of(page: str) -> list[str]:
    return [block.split("```")[0] for block in (PROJECT / "docs" / page).read_text().split("```python\n")[1:]]


def test_the_documented_tests_pass(pytester: pytest.Pytester) -> None:
    blocks = code_of("testing.md")
    pytester.makepyfile(**{f"test_block_{number}": block for number, block in enumerate(blocks)})
    # Each block is a module of tests.
    assert all("def test_" in block for block in blocks)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120)
    result.assert_outcomes(passed="".join(blocks).count("def test_"))


def test_the_documented_report_of_a_leak_is_the_real_one(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    [clean] = [line for line in code_of("testing.md")[0].splitlines() if ">> cleanup(" in line]
    pytester.makepyfile(test_training=code_of("testing.md")[0].replace(clean, ""))
    monkeypatch.setenv("COLUMNS", "300")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120)
    result.assert_outcomes(passed=1, failed=1)
    documented = (PROJECT / "docs" / "testing.md").read_text().split("```text\n")[1].split(" ...\n```")[0]
    assert documented in result.stdout.str()


@pytest.mark.parametrize(
    ("file", "workflow", "answer"),
    [("local-mode.md", "local", "2"), ("quickstart.py", "quickstart", "['hello from")],
)
def test_the_documented_workflows_run(tmp_path: Path, file: str, workflow: str, answer: str) -> None:
    is_page = file.endswith(".md")
    (tmp_path / "workflows.py").write_text(code_of(file)[0] if is_page else (PROJECT / "examples" / file).read_text())
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
