"""Services that have failed and are kept for people to look at."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.configs import config
from cluster.support.connector import Connector, environment, name_of
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import nothing, one
from cluster.support.runs import FAILED as RUN_FAILED
from cluster.support.runs import begin, define_runs, runs_shown

FAILED = TaskExecution.FAILED


@pytest.fixture(autouse=True)
def _doomed(kubernetes: Kubernetes, env: dict[str, str]) -> None:
    """Makes the namespace refuse every pod of the default kind, at once."""
    kubernetes.apply(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "small"},
            "spec": {"limits": [{"type": "Container", "max": {"cpu": "1m"}}]},
        }
    )


def test_a_failed_service_is_kept_for_as_long_as_the_platform_sets(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    connector = start_connector(K8SDATASERVICE_KEEP_FAILED="8s")
    resource_meta = connector.create(config("kept"))
    resource = connector.until_done(resource_meta)
    assert resource.phase == FAILED
    assert "It is kept for inspection until " in resource.message
    assert kubernetes.services() == one("kept")
    wait_until(lambda: kubernetes.services() == nothing(), "the service to be taken down", timeout=30)


def test_a_kept_service_is_taken_down_by_whichever_connector_is_there_then(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    first = start_connector(K8SDATASERVICE_KEEP_FAILED="8s")
    first.until_done(first.create(config("kept")))
    first.stop()
    second = start_connector()
    other = second.create(config("other", Replicas=0))
    assert second.until_done(other).phase == TaskExecution.SUCCEEDED
    wait_until(lambda: kubernetes.services() == one("other"), "the kept one to be taken down", timeout=30)


def test_a_kept_service_makes_way_for_a_new_one_of_its_name(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    connector = start_connector(K8SDATASERVICE_KEEP_FAILED="1h")
    failed = connector.until_done(connector.create(config("kept")))
    assert failed.phase == FAILED
    before = kubernetes.get("statefulset", "kept")
    mended = connector.create(config("kept", Replicas=0))
    assert connector.until_done(mended).phase == TaskExecution.SUCCEEDED
    after = kubernetes.get("statefulset", "kept")
    assert before and after and before["metadata"]["uid"] != after["metadata"]["uid"]
    assert kubernetes.services() == one("kept")


def test_without_the_permission_to_patch_nothing_is_kept_and_the_message_reports_it(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    verbs = ["create", "get", "list", "watch", "delete"]
    change = {"op": "replace", "path": "/rules/0/verbs", "value": verbs}
    kubernetes.run("patch", "role", "k8sdataservice", "--type", "json", "--patch", json.dumps([change]))
    connector = start_connector(K8SDATASERVICE_KEEP_FAILED="1h")
    resource = connector.until_done(connector.create(config("kept")))
    assert resource.phase == FAILED
    assert "It could not be kept for inspection." in resource.message
    assert 'the verb "patch" on "statefulsets"' in resource.message
    assert kubernetes.services() == nothing()


def test_a_kept_service_outlives_its_run_and_the_command_takes_it_down(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    define_runs(kubernetes)
    with runs_shown(kubernetes):
        connector, run = start_connector(K8SDATASERVICE_KEEP_FAILED="1h"), begin(kubernetes)
        resource_meta = connector.create(config(None), run.execution)
        assert connector.until_done(resource_meta).phase == FAILED
        run.end(RUN_FAILED)
        # A connector looks at once whether the run has ended, and again after 5 s.
        time.sleep(7)
        connector.stop()
    name = name_of(resource_meta)
    assert kubernetes.services() == one(name)
    reap = [str(Path(sys.executable).with_name("dataservice")), "reap"]
    env = environment(kubernetes.kubeconfig, kubernetes.namespace)
    dry = subprocess.run([*reap, "--dry-run"], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert f"{kubernetes.namespace}/{name} stays: it has failed, and is kept until 20" in dry.stdout
    long_ago = "k8sdataservice.flyte.org/delete-after=2026-01-01T00:00:00Z"
    kubernetes.run("annotate", "statefulset", name, "--overwrite", long_ago)
    done = subprocess.run(reap, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert f"{name} deleted: it has failed and was kept until 2026-01-01T00:00:00Z" in done.stdout
    assert kubernetes.services() == nothing()
    [event] = kubernetes.objects("events", fieldSelector="reason=DataServiceEnded")
    assert "it has failed and was kept until 2026-01-01T00:00:00Z" in event["message"]
