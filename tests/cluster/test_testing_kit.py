"""The test kit on a real cluster: the same tests as on processes, whose services are pods."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.support.configs import STAND, config
from cluster.support.kubernetes import Kubernetes
from cluster.support.leases import allow_leases

pytestmark = pytest.mark.usefixtures("real_pods")


@pytest.fixture(autouse=True)
def _leases(env: dict[str, str], kubernetes: Kubernetes) -> None:
    # By its Lease a process knows its own services among those of others.
    allow_leases(kubernetes)


#: What the tests inside have at hand: a service, and a workflow whose own service it deletes if it is asked to.
HEAD = f"""
import os
import pytest
from flytekit import Resources, workflow
from flytekitplugins.k8sdataservice import CleanupSensor, DataServiceConfig, DataServiceTask
from k8sdataservice import DataServiceError
from k8sdataservice.default_client import default_client

STANDS = {["sh", "-c", STAND]!r}
STORE = {config("store", Replicas=2)!r}
NAMESPACE = os.environ["K8SDATASERVICE_NAMESPACE"]
cleanup = CleanupSensor(name="cleanup")
features = DataServiceTask(
    name="features",
    task_config=DataServiceConfig(
        Name="features",
        Image=STORE["Image"],
        Command=STANDS,
        Requests=Resources(cpu="10m", mem="16Mi"),
        Limits=Resources(cpu="1", mem="16Mi"),
    ),
)

@workflow
def training(clean: bool) -> str:
    name = features()
    name >> cleanup(release_name=name, cleanup_data_service=clean)
    return name

def services():
    return [each.name for each in default_client().list_sync(namespace=NAMESPACE).services]
"""


def run(env: dict[str, str], folder: Path, tests: str, *arguments: str) -> str:
    """Runs pytest as a user does, and returns its output."""
    (folder / "test_inside.py").write_text(HEAD + tests)
    # That this process is a worker of pytest-xdist is nothing to the one inside.
    variables = {name: value for name, value in env.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", "--dataservice=cluster", *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=variables | {"K8SDATASERVICE_MIN_READY_SECONDS": "0", "COLUMNS": "300"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    print(done.stdout)
    return done.stdout


def outcomes(output: str) -> dict[str, int]:
    return {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", output)}


def test_a_service_is_pods_as_long_as_its_test_runs(
    env: dict[str, str], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    output = run(
        env,
        tmp_path,
        """
def test_starts(data_services):
    store = data_services.start(STORE)
    assert (store.name, store.namespace, store.status.phase) == ("store", NAMESPACE, "Ready")
    assert store.addresses == [f"store-{number}.store.{NAMESPACE}:40000" for number in range(2)]
    assert store.wait() is store
    assert data_services.start(STORE).addresses == store.addresses, "the same service"
    for refused in (store.kill, store.logs):
        with pytest.raises(DataServiceError, match=f"is on a cluster: use `kubectl --namespace {NAMESPACE}`"):
            refused(0)

def test_a_workflow_uses_what_runs(data_services):
    running = data_services.start(features)
    assert services() == ["features"]
    assert training(clean=True) == "features"
    assert running.status.phase == "Ready"

def test_a_failure_is_an_error_with_its_reason(data_services):
    with pytest.raises(DataServiceError, match="Data service store has failed .CommandNotFound"):
        data_services.start(STORE | {"Command": ["no-such-program"]})
""",
    )
    assert outcomes(output) == {"passed": 3}
    assert kubernetes.services() == {"statefulsets": [], "services": []}


def test_a_workflow_that_leaves_pods_behind_fails_its_test(
    env: dict[str, str], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    output = run(
        env,
        tmp_path,
        """
def test_cleans_up(data_services):
    training(clean=True)

def test_leaves_it(data_services):
    training(clean=False)

@pytest.mark.dataservice(leaks="allowed")
def test_may_leave_it(data_services):
    training(clean=False)

def test_finds_nothing(data_services):
    assert services() == []
""",
    )
    assert outcomes(output) == {"passed": 3, "failed": 1}
    left = f"Left behind: data service features in namespace {kubernetes.namespace} (Ready)."
    assert re.search(rf"FAILED \S+::test_leaves_it - .*{re.escape(left)}", output)
    assert kubernetes.services() == {"statefulsets": [], "services": []}


def test_the_services_of_others_are_no_leaks_and_those_of_failed_tests_can_be_kept(
    env: dict[str, str], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    output = run(
        env,
        tmp_path,
        """
def test_a_colleague_starts_one_meanwhile(data_services):
    theirs = STORE | {"Name": "theirs", "Replicas": 1}
    default_client().create_sync(theirs, namespace=NAMESPACE, owner="a colleague", execution="a test")

def test_fails(data_services):
    data_services.start(STORE)
    assert False, "its own words"
""",
        "--dataservice-keep",
    )
    assert outcomes(output) == {"passed": 1, "failed": 1} and "AssertionError: its own words" in output
    assert f"store in namespace {kubernetes.namespace}\n`dataservice delete` deletes them." in output
    assert kubernetes.names("statefulsets") == ["store", "theirs"]
