"""The client, the settings and the command line where neither flytekit nor flyte can be imported."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

#: Keeps the versions of Flyte out, as where they are not installed.
WITHOUT_FLYTE = """
import sys
for name in ("flytekit", "flyteidl", "flyte", "flytekitplugins_k8sdataservice", "flytekitplugins", "kubernetes"):
    sys.modules[name] = None
"""

#: Calls the command line as the script does.
CALL = f"""{WITHOUT_FLYTE}
from k8sdataservice.cli.main import main
main()
"""

CONFIGURATION = """
class Mine:
    def to_wire(self):
        return {"Name": "foo", "Image": "busybox", "Replicas": 2}

mine = Mine()
"""


def python(script: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"},
    )


def test_every_module_can_be_imported() -> None:
    done = python(
        f"""{WITHOUT_FLYTE}
import importlib, json, pkgutil
import k8sdataservice
names = [each.name for each in pkgutil.walk_packages(k8sdataservice.__path__, "k8sdataservice.")]
for name in names:
    importlib.import_module(name)
for name in k8sdataservice.__all__:
    getattr(k8sdataservice, name)
print(json.dumps(names))
"""
    )
    assert done.returncode == 0, done.stderr
    names = json.loads(done.stdout)
    assert {"k8sdataservice._core", "k8sdataservice.cli.main", "k8sdataservice.settings.reading"} <= set(names)
    assert len(names) > 20


def test_importing_the_package_loads_nothing_else() -> None:
    done = python("import k8sdataservice, sys; print([name for name in sys.modules if 'k8sdataservice.' in name])")
    assert done.stdout.strip() == "[]", done.stderr


def test_an_error_of_the_core_is_one_of_the_package() -> None:
    done = python(
        f"""{WITHOUT_FLYTE}
from k8sdataservice import InvalidSpecError, _core
try:
    _core.validate({{"Image": "busybox", "Port": 0}})
except InvalidSpecError as error:
    print(type(error).__module__, _core.Client.__module__, error)
"""
    )
    assert done.stdout.startswith("k8sdataservice.exceptions k8sdataservice._core Port is 0"), done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["settings"], ["plan", "--help"], ["update", "--help"]])
def test_the_command_line_works(arguments: list[str]) -> None:
    done = python(CALL, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_version_is_that_of_the_distribution() -> None:
    for arguments in (["version"], ["--version"]):
        assert python(CALL, *arguments).stdout.split()[-1] == version("k8sdataservice")


def test_a_plan_takes_whatever_has_a_wire_form(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CONFIGURATION)
    done = python(CALL, "plan", "mine.py:mine", "--offline", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "kind: StatefulSet" in done.stdout and "replicas: 2" in done.stdout
    # A class is no configuration, though it has the method.
    done = python(CALL, "plan", "mine.py:Mine", "--offline", cwd=tmp_path)
    assert "mine.py has a type where it should have a DataServiceTask Mine: it has mine." in done.stderr


def test_help_loads_neither_the_core_nor_what_commands_need() -> None:
    done = python(
        """
        import atexit, sys
        wanted = ("flyte", "flytekit", "flytekitplugins_k8sdataservice", "rich", "yaml", "k8sdataservice._core")
        atexit.register(lambda: print([name for name in wanted if name in sys.modules], file=sys.stderr))
        from k8sdataservice.cli.main import main
        main()
        """,
        "--help",
    )
    assert done.returncode == 0 and "Commands:" in done.stdout
    assert done.stderr.strip() == "[]"
