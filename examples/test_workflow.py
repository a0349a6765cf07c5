"""Tests of a workflow with a data service, whose replicas are processes of this machine.

pytest examples/test_workflow.py

The fixtures come with the package: there is nothing to import, to configure or to install besides.
"""

import sys
from urllib.request import urlopen

from flytekit import task, workflow
from flytekit.testing import task_mock
from flytekitplugins.k8sdataservice import CleanupSensor, DataServiceConfig, DataServiceTask
from k8sdataservice.testing import DataServices

#: A server of Python's own, since an image cannot run on this machine. It listens at the address of its pod.
SERVER = [sys.executable, "-m", "http.server", "$(SERVER_PORT)", "--bind", "$(POD_IP)"]

store = DataServiceTask(
    name="store",
    task_config=DataServiceConfig(
        Name="store",
        Image="python:3.12-slim",
        Command=SERVER,
        Replicas=2,
        Env={"POD_IP": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ReadinessProbe={"httpGet": {"path": "/"}},
    ),
)
cleanup = CleanupSensor(name="cleanup")


@task
def read(name: str) -> int:
    """Asks every replica, and returns how many have answered."""
    answers = []
    for address in store.endpoints(name).addresses:
        with urlopen(f"http://{address}/", timeout=10) as answer:
            answers.append(answer.status)
    return answers.count(200)


@workflow
def training() -> int:
    """Brings the service up, uses it and takes it away."""
    name = store()
    count = read(name=name)
    count >> cleanup(release_name=name, cleanup_data_service=True)
    return count


def test_the_workflow_reads_from_every_replica(data_services: DataServices) -> None:
    # It brings its service up by itself, and the test would fail if it left it behind.
    assert training() == 2


def test_the_workflow_uses_a_store_that_runs_already(data_services: DataServices) -> None:
    running = data_services.start(store)
    assert training() == 2
    assert running.status.phase == "Ready", "its cleanup leaves the store to this test"


def test_reading_goes_on_after_a_replica_was_killed(data_services: DataServices) -> None:
    running = data_services.start(store)
    running.kill(0)
    running.wait(for_="Ready")
    assert read(name=running.name) == 2
    assert "GET / HTTP/1.1" in running.logs(ordinal=1)


def test_the_task_itself_is_a_mock(data_services: DataServices) -> None:
    running = data_services.start(store)
    with task_mock(store) as mock:
        mock.return_value = running.name
        assert training() == 2
