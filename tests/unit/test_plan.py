"""Plans without a cluster, and the command that shows them."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from flytekit import Resources
from flytekit.configuration import ImageConfig, SerializationSettings
from flytekitplugins_k8sdataservice import DataServiceConfig, DataServiceTask, InvalidSpecError, plan, update
from k8sdataservice.cli.loading import load
from k8sdataservice.cli.main import _COMMANDS as COMMANDS

WORKFLOWS = """
from flytekitplugins_k8sdataservice import DataServiceConfig
good = DataServiceConfig(Name="foo", Image="busybox", Replicas=2)
bad = DataServiceConfig(Name="foo", Image="busybox", Port=0)
worse = DataServiceConfig(Name="foo", Image="a b", Port=0, Replicas=-1, Ports=[{"port": 0}, {"prot": 1, "port": 2}])
no_file = DataServiceConfig(Name="foo", Image="busybox", PodTemplate="gone.yaml")
"""


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    file = tmp_path / "workflows.py"
    file.write_text(WORKFLOWS)
    return file


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flytekitplugins_k8sdataservice", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)


def test_a_task_is_planned_without_a_cluster(silent_cluster: Path) -> None:
    task = DataServiceTask(name="t", task_config=DataServiceConfig(Name="foo", Image="busybox", Replicas=3))
    made = plan(task, namespace="here", offline=True)
    assert (made.action, made.name, made.namespace, made.ok) == ("create", "foo", "here", True)
    assert [each["kind"] for each in made.objects] == ["StatefulSet", "Service"]
    assert made.objects[0]["spec"]["replicas"] == 3
    assert made.pod is not None and made.pod["metadata"]["name"] == "foo-0"


def test_a_field_at_fault_is_a_problem_of_the_plan(silent_cluster: Path) -> None:
    made = plan(DataServiceConfig(Image="busybox", Requests=Resources(cpu="a lot")), offline=True)
    assert [problem.path for problem in made.problems] == ["Requests.cpu"]
    assert made.problems[0].message.startswith("Requests.cpu is ")
    assert not made.ok and made.objects == []


def test_a_service_without_a_name_is_reported_to_get_one(silent_cluster: Path) -> None:
    made = plan(DataServiceConfig(Image="busybox"), offline=True)
    assert made.notes[0].startswith("Name is left out") and made.name in made.notes[0]


def test_the_command_prints_yaml_that_kubectl_can_read(workflows: Path) -> None:
    done = run("plan", f"{workflows}:good", "--offline", "--namespace", "here")
    assert done.returncode == 0, done.stderr
    objects = list(yaml.safe_load_all(done.stdout))
    assert [(each["kind"], each["metadata"]["namespace"]) for each in objects] == [
        ("StatefulSet", "here"),
        ("Service", "here"),
    ]
    assert "Service foo in namespace here would be created." in done.stderr
    assert "\x1b" not in done.stdout + done.stderr, "no colours in a pipe"


def test_a_warning_does_not_spoil_the_yaml(workflows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8SDATASERVICE_NAMESPCE", "x")
    done = run("plan", f"{workflows}:good", "--offline")
    assert len(list(yaml.safe_load_all(done.stdout))) == 2
    assert "Did you mean K8SDATASERVICE_NAMESPACE?" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("task", "code", "words"),
    [
        ("bad", 1, "Port is 0"),
        ("no_file", 1, "PodTemplate cannot be read from gone.yaml"),
        ("bad", 1, "Service foo in namespace flyte has 1 problem:"),
        ("worse", 1, "Service foo in namespace flyte has 5 problems:"),
        ("goood", 2, "has no goood: it has good, "),
    ],
)
def test_the_commands_exit_code_distinguishes_problems_from_having_no_plan(
    workflows: Path, task: str, code: int, words: str
) -> None:
    done = run("plan", f"{workflows}:{task}", "--offline")
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "would be created" not in done.stderr


def test_every_fault_is_reported(workflows: Path, silent_cluster: Path) -> None:
    worse = load(f"{workflows}:worse")
    paths = {"Image", "Port", "Replicas", "Ports[0].port", "Ports[1].prot"}
    assert {problem.path for problem in plan(worse, offline=True).problems} == paths
    done = run("plan", f"{workflows}:worse", "--offline")
    assert all(f"{path} is" in done.stderr for path in paths), done.stderr
    assert isinstance(worse, DataServiceConfig)
    with pytest.raises(InvalidSpecError) as raised:
        DataServiceTask(name="t", task_config=worse).get_custom(SerializationSettings(ImageConfig()))
    assert {fault.field for fault in raised.value.faults} == paths
    assert all(fault.message in str(raised.value) for fault in raised.value.faults)
    assert len(str(raised.value).splitlines()) == len(paths)


def test_explicit_arguments_win_over_the_configuration(silent_cluster: Path) -> None:
    config = DataServiceConfig(Name="foo", Image="busybox", Namespace="prod", Cluster="nowhere")
    made = plan(config, name="bar", namespace="staging", offline=True)
    assert (made.name, made.namespace) == ("bar", "staging")
    assert {each["metadata"]["namespace"] for each in made.objects} == {"staging"}
    for arguments in ({"name": ""}, {"namespace": ""}, {"cluster": ""}):
        with pytest.raises(InvalidSpecError, match="is empty: leave it out, or name one"):
            plan(config, offline=True, **arguments)
    with pytest.raises(InvalidSpecError, match="name is foo, but the configuration uses the existing service bar"):
        plan(DataServiceConfig(ExistingReleaseName="bar"), name="foo", offline=True)
    with pytest.raises(InvalidSpecError, match='Namespace is "Bad_Name", which cannot be the name of a namespace'):
        update(config, namespace="Bad_Name")


def test_a_cluster_that_is_named_explicitly_must_exist(workflows: Path, silent_cluster: Path) -> None:
    words = 'cluster is "nope", but no context of the kubeconfig has that name, which has c.'
    for call in (plan, update):
        with pytest.raises(InvalidSpecError) as raised:
            call(DataServiceConfig(Name="foo", Image="busybox"), cluster="nope")
        assert (raised.value.field, str(raised.value)) == ("cluster", words)
    for command in ("plan", "update"):
        done = run(command, f"{workflows}:good", "--cluster", "nope")
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert words in done.stderr


def test_the_readmes_quickstart_passes_its_own_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Path(__file__).parents[2]
    readme = project / "README.md"
    pages = readme.read_text() + (project / "docs" / "plan-and-update.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", pages, re.M | re.S)
    [quickstart] = [block for block in blocks if "feature_store = DataServiceTask(" in block]
    (tmp_path / "workflows.py").write_text(quickstart)
    command = re.search(r"dataservice (plan [^\s`]+)", readme.read_text())
    assert command
    done = run(*command[1].split(), "--offline", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [each["kind"] for each in yaml.safe_load_all(done.stdout)] == ["StatefulSet", "Service"]
    # The update example passes the whole configuration, and not only the changes.
    [example] = [block for block in blocks if re.search(r"^ +update\(", block, re.M)]
    (tmp_path / "grows.py").write_text(f"{quickstart}\n{example}\n")
    load(f"{tmp_path}/grows.py:feature_store")
    grows: Any = sys.modules["grows"]
    given: list[DataServiceConfig] = []
    monkeypatch.setattr(grows, "update", lambda config, **arguments: given.append(config))
    grows.grow(name="foo")
    before = grows.feature_store.task_config
    assert given == [replace(before, Replicas=4)]


def test_there_is_a_version_and_help_is_not_cut(tmp_path: Path) -> None:
    version = importlib.metadata.version("flytekitplugins-k8sdataservice")
    assert run("--version").stdout.strip() == f"flytekitplugins-k8sdataservice {version}"
    for arguments in ((), ("plan",), ("update",), ("settings",)):
        done = run(*arguments, "--help")
        assert done.returncode == 0
        assert "..." not in done.stdout.partition("\n")[2], done.stdout
        assert not arguments or re.search(r"Exit codes:\n +0 ", done.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_fits_a_terminal_of_80_columns(command: str) -> None:
    printed = on_a_terminal(80, command, "--help")
    assert max(map(len, (line.rstrip() for line in printed.splitlines()))) <= 80, printed


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_of_80_columns_shows_whole_words(workflows: Path) -> None:
    with workflows.open("a") as file:
        file.write(
            "long = DataServiceConfig(Image='busybox', PodSecurityContext={'runAsUsr': 1}, Requests={'cpu': 'a lot'})\n"
        )
    for arguments in (
        ["plan", f"{workflows}:long", "--offline"],
        ["update", f"{workflows}:long"],
        ["plan", "gone.py:x"],
    ):
        printed = on_a_terminal(80, *arguments)
        lines = [line.rstrip() for line in printed.splitlines()]
        assert lines and max(map(len, lines)) <= 80, printed
        piped = run(*arguments)
        for word in piped.stderr.split():
            assert len(word) > 80 or any(word in line.split() for line in lines), f"{word} is cut: {printed}"


def on_a_terminal(columns: int, *arguments: str) -> str:
    """Runs the command on a terminal, and returns what it showed, without colours."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")} | {"TERM": "xterm"}
    command = [sys.executable, "-m", "flytekitplugins_k8sdataservice", *arguments]
    with subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True):
        os.close(theirs)
        output = b""
        with suppress(OSError):  # Which is how a terminal says that nobody is left on its other side.
            while piece := os.read(ours, 4096):
                output += piece
        os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.decode())
