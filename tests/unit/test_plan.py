"""Plans without a cluster, and the command that shows them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from flytekit import Resources
from flytekitplugins_k8sdataservice import DataServiceConfig, DataServiceTask, plan

WORKFLOWS = """
from flytekitplugins_k8sdataservice import DataServiceConfig
good = DataServiceConfig(Name="foo", Image="busybox", Replicas=2)
bad = DataServiceConfig(Name="foo", Image="busybox", Port=0)
no_file = DataServiceConfig(Name="foo", Image="busybox", PodTemplate="gone.yaml")
"""


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    file = tmp_path / "workflows.py"
    file.write_text(WORKFLOWS)
    return file


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flytekitplugins_k8sdataservice", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


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


def test_a_service_without_a_name_is_told_to_get_one(silent_cluster: Path) -> None:
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
    assert "Service foo in namespace here would be made." in done.stderr
    assert "\x1b" not in done.stdout + done.stderr, "no colours in a pipe"


@pytest.mark.parametrize(
    ("task", "code", "words"),
    [
        ("bad", 1, "Port is 0"),
        ("no_file", 1, "PodTemplate cannot be read from gone.yaml"),
        ("goood", 2, "has no goood: it has good, "),
    ],
)
def test_the_commands_exit_code_tells_problems_from_having_no_plan(
    workflows: Path, task: str, code: int, words: str
) -> None:
    done = run("plan", f"{workflows}:{task}", "--offline")
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
