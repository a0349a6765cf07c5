"""Whole workflows, run locally as a user runs them."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cluster.support import pyflyte
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import foreign_service, foreign_stateful_set, nothing, one
from cluster.support.proxy import Proxy

HERE = Path(__file__).parent
WORKFLOWS = HERE / "support" / "workflows.py"
DOCUMENTED = HERE / "documented"


def load(file: Path) -> ModuleType:
    """Imports a file, as a user's own script is imported."""
    spec = importlib.util.spec_from_file_location(f"user_{file.stem}", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("real_pods")
def test_the_documented_example_runs_unmodified(env: dict[str, str], kubernetes: Kubernetes) -> None:
    pyflyte.run(env, DOCUMENTED / "data_service.py", "test_dataservice_wf", "--name", "example")
    # The example gives the sensor another name than the service's, so the service is still there.
    (name,) = kubernetes.names("statefulsets")
    assert name.startswith("flyte-k8sdsinfra-")
    assert "Hello Flyte K8s Stateful Service!" in kubernetes.run("logs", f"{name}-0")


@pytest.mark.usefixtures("real_pods", "here")
def test_the_documented_example_runs_when_its_workflow_is_called(kubernetes: Kubernetes) -> None:
    load(DOCUMENTED / "data_service.py").test_dataservice_wf(name="example")
    assert len(kubernetes.names("statefulsets")) == 1


@pytest.mark.usefixtures("real_pods", "documented_image")
def test_the_documented_cleanup_inside_a_task_takes_the_documented_service_away(
    env: dict[str, str], kubernetes: Kubernetes
) -> None:
    # Its Cluster="default-cluster" is no context of the kubeconfig: the default cluster is used.
    output = pyflyte.run(env, DOCUMENTED / "cleanup.py", "full_lifecycle_workflow")
    assert "Cleanup initiated for my-custom-data-service" in output
    assert "is not a context of the kubeconfig" in output
    assert kubernetes.services() == nothing()


@pytest.mark.usefixtures("real_pods", "documented_image")
def test_the_documented_deployment_comes_up(env: dict[str, str], kubernetes: Kubernetes) -> None:
    pyflyte.run(env, DOCUMENTED / "deploy.py", "my_workflow")
    assert kubernetes.services() == one("my-custom-data-service")


def test_the_documented_attachment_uses_the_service_that_exists(env: dict[str, str], kubernetes: Kubernetes) -> None:
    kubernetes.apply(foreign_stateful_set("my-pre-existing-service"), foreign_service("my-pre-existing-service"))
    pyflyte.run(env, DOCUMENTED / "connect.py", "connect_workflow")
    assert kubernetes.services() == one("my-pre-existing-service")


def test_the_next_task_receives_the_name_and_the_sensor_takes_the_service_away(
    env: dict[str, str], kubernetes: Kubernetes
) -> None:
    output = pyflyte.run(env, WORKFLOWS, "passes_the_name")
    assert "hello k8s-dataservice-" in output
    assert kubernetes.services() == nothing()


def test_a_local_run_shows_what_it_waits_for(env: dict[str, str]) -> None:
    output = pyflyte.run(env, WORKFLOWS, "comes_up")
    begins = r"^StatefulSet standing (is waiting for Kubernetes|has 0 of 1 pod ready).* \(\d+\.\d s\)$"
    assert re.search(begins, output, re.M), output
    assert re.search(r"^StatefulSet \S+ is ready with \d pods?\. \(\d+\.\d s\)$", output, re.M), output


def test_a_local_run_on_a_terminal_has_a_live_line(env: dict[str, str]) -> None:
    output = pyflyte.run_on_a_terminal(env, WORKFLOWS, "comes_up")
    shown = re.findall(r"StatefulSet \S+ has \d of \d pods? .*?\((\d+) s\)", output)
    assert len(set(shown)) > 1, f"the time goes on: {output}"
    assert "\x1b[2K" in output, "the line is written over"


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP", "SIGTERM"])
def test_ctrl_c_while_the_service_comes_up_removes_it_and_reports_it(
    env: dict[str, str], kubernetes: Kubernetes, name: str
) -> None:
    with pyflyte.start(env, WORKFLOWS, "waits_for_ever") as process:
        wait_until(lambda: kubernetes.get("service", "never-ready"), "the service")
        output = pyflyte.interrupt(process, signal.Signals[name])
    assert kubernetes.services() == nothing()
    assert f"Data service never-ready in namespace {kubernetes.namespace} was deleted.\n" in output


def test_closing_the_terminal_while_the_service_comes_up_removes_it(
    env: dict[str, str], kubernetes: Kubernetes
) -> None:
    process, terminal = pyflyte.start_on_a_terminal(env, WORKFLOWS, "waits_for_ever")
    wait_until(lambda: kubernetes.get("service", "never-ready"), "the service")
    os.close(terminal)
    assert process.wait(60) != 0
    assert kubernetes.services() == nothing()


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_ctrl_c_while_the_service_is_being_made_removes_it(
    env: dict[str, str], kubernetes: Kubernetes, tmp_path: Path, name: str
) -> None:
    slow = Proxy(kubernetes, delay=0.4)
    slow_env = env | {"KUBECONFIG": str(slow.kubeconfig(tmp_path))}
    with pyflyte.start(slow_env, WORKFLOWS, "waits_for_ever") as process:
        wait_until(lambda: kubernetes.get("statefulset", "never-ready"), "the StatefulSet")
        # The answer to the first of the two requests is on its way now, or the second has begun.
        output = pyflyte.interrupt(process, signal.Signals[name])
    slow.close()
    assert kubernetes.services() == nothing(), output


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_ctrl_c_while_a_consumer_works_removes_the_service(
    env: dict[str, str], kubernetes: Kubernetes, tmp_path: Path, name: str
) -> None:
    marker = tmp_path / "marker"
    with pyflyte.start(env, WORKFLOWS, "consumes", "--marker", str(marker)) as process:
        wait_until(marker.exists, "the consumer to begin")
        assert kubernetes.services() == one("ready")
        pyflyte.interrupt(process, signal.Signals[name])
    assert kubernetes.services() == nothing()


def test_ctrl_c_leaves_a_service_alone_that_the_run_only_used(
    env: dict[str, str], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.apply(foreign_stateful_set("existing"), foreign_service("existing"))
    marker = tmp_path / "marker"
    with pyflyte.start(env, WORKFLOWS, "consumes_existing", "--marker", str(marker)) as process:
        wait_until(marker.exists, "the consumer to begin")
        pyflyte.interrupt(process)
    assert kubernetes.services() == one("existing")


def test_bad_input_fails_before_anything_is_made(env: dict[str, str], kubernetes: Kubernetes) -> None:
    with pyflyte.start(env, WORKFLOWS, "is_refused") as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode
    assert "Port is 70000, but a port is a whole number from 1 to 65535." in " ".join(output.split())
    assert kubernetes.services() == nothing()
