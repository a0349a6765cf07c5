"""The CronJob of examples/reaper.yaml, as a real Job in a real pod, with the documented permissions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from k8sdataservice._core import Client

from cluster.support.account import ACCOUNT, ROLE, give_role, kubeconfig_of_account
from cluster.support.configs import config
from cluster.support.connector import environment
from cluster.support.host_python import with_host_python
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.objects import nothing, one
from cluster.support.runs import SUCCEEDED, begin, define_runs, runs_shown
from cluster.support.shared import GIVEN

EXAMPLE = Path(__file__).parents[2] / "examples" / "reaper.yaml"
PROGRAM = str(Path(sys.executable).with_name("dataservice"))


def cron_job() -> Object:
    """Returns the CronJob, whose container has this machine's Python instead of the image with it."""
    job: Object = yaml.safe_load(EXAMPLE.read_text())
    pod = job["spec"]["jobTemplate"]["spec"]["template"]
    assert pod["spec"]["containers"][0]["command"] == ["dataservice", "reap"]
    pod["spec"] = with_host_python(pod["spec"], [sys.executable, PROGRAM, "reap"])
    return job


def a_service_whose_run_has_ended(kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Creates a service for a run, which then ends, while no connector runs."""
    define_runs(kubernetes)
    run = begin(kubernetes)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    owner: dict[str, Any] = {"owner": "o" * 32, "execution": "a test", "namespace": kubernetes.namespace}
    Client().create_sync(config("foo", Replicas=0, Lifetime="run"), **owner)
    holder = {"kind": "FlyteWorkflow", "namespace": kubernetes.namespace, "name": run.execution.name, "uid": run.uid}
    holder |= {"owner": "o" * 32, "since": "2026-01-01T00:00:00Z"}
    kubernetes.run("annotate", "statefulset", "foo", f"holder.k8sdataservice.flyte.org/{'o' * 32}={json.dumps(holder)}")
    run.end(SUCCEEDED)


@pytest.mark.usefixtures("real_pods")
@pytest.mark.skipif(GIVEN in os.environ, reason="the pod runs this machine's Python, so it has to run on this machine")
def test_the_job_deletes_a_service_whose_run_has_ended(kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    a_service_whose_run_has_ended(kubernetes, monkeypatch)
    give_role(kubernetes)
    kubernetes.apply(cron_job())
    with runs_shown(kubernetes, without=("list", "watch")):
        kubernetes.run("create", "job", "now", "--from=cronjob/k8sdataservice-reaper")

        def ended() -> str:
            status = (kubernetes.get("job", "now") or {}).get("status", {})
            return "succeeded" if status.get("succeeded") else "failed" if status.get("failed") else ""

        assert wait_until(ended, "the Job to end") == "succeeded", kubernetes.run("logs", "job/now")
    assert "foo deleted: its last run has succeeded" in kubernetes.run("logs", "job/now")
    assert kubernetes.services() == nothing()


@pytest.mark.parametrize("missing", ["list statefulsets", "get statefulsets", "delete statefulsets", "get runs"])
def test_without_a_permission_the_service_stays_and_the_command_names_it(
    kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str
) -> None:
    a_service_whose_run_has_ended(kubernetes, monkeypatch)
    verb, resource = missing.split()
    role, *others = yaml.safe_load_all(ROLE.read_text())
    for rule in role["rules"]:
        if resource in rule["resources"]:
            rule["verbs"] = [each for each in rule["verbs"] if each != verb]
    file = tmp_path / "rbac.yaml"
    file.write_text(yaml.safe_dump_all([role, *others]))
    give_role(kubernetes, file)
    variables = environment(kubeconfig_of_account(kubernetes, tmp_path), kubernetes.namespace)
    with runs_shown(kubernetes, without=(verb,) if resource == "runs" else ()):
        done = subprocess.run([PROGRAM, "reap"], env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert kubernetes.services() == one("foo")
    said = done.stdout + done.stderr
    assert f'"{verb}"' in said or f" {verb} " in said, said
    assert ("flyteworkflows" if resource == "runs" else resource) in said, said
    assert done.returncode == (0 if resource == "runs" else 1), said


def test_the_job_runs_under_the_account_of_the_examples() -> None:
    assert cron_job()["spec"]["jobTemplate"]["spec"]["template"]["spec"]["serviceAccountName"] == ACCOUNT
