"""Runs of pytest of their own, whose tests use the test kit."""

from __future__ import annotations

import pytest

#: What the tests inside have at hand.
HEAD = '''
import os, socket, sys, time
from urllib.request import urlopen
import pytest

def server(name="store", replicas=1, **fields):
    """Returns the wire form of a service of Python's own HTTP servers."""
    return {
        "Name": name, "Image": "none", "Replicas": replicas, "Port": 40000,
        "Command": [sys.executable, "-m", "http.server", "$(SERVER_PORT)", "--bind", "$(POD_IP)"],
        "Env": {"POD_IP": {"fieldRef": {"fieldPath": "status.podIP"}}},
        "ReadinessProbe": {"httpGet": {"path": "/"}},
    } | fields

def answers(address):
    with urlopen(f"http://{address}/", timeout=10) as answer:
        return answer.status == 200
'''

#: The same with a workflow, whose service it deletes if it is asked to.
WORKFLOW = f"""{HEAD}
from flytekit import task, workflow
from flytekitplugins.k8sdataservice import CleanupSensor, DataServiceConfig, DataServiceTask

store = DataServiceTask(name="store", task_config=DataServiceConfig(**server(replicas=2)))
cleanup = CleanupSensor(name="cleanup")

@task
def read(name: str) -> int:
    return sum(answers(address) for address in store.endpoints(name).addresses)

@workflow
def training(clean: bool) -> int:
    name = store()
    count = read(name=name)
    count >> cleanup(release_name=name, cleanup_data_service=clean)
    return count
"""


def run(pytester: pytest.Pytester, tests: str, *arguments: str, head: str = HEAD) -> pytest.RunResult:
    pytester.makepyfile(test_inside=head + tests)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-ra", *arguments, timeout=120)
