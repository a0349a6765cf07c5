"""Local mode from outside: the process that has the cluster, the processes that find it, and what is left of both."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted in /proc")

#: The documented example of version 1, whose service is a shell that sleeps.
DOCUMENTED = """
from flytekitplugins.k8sdataservice import DataServiceConfig, DataServiceTask, CleanupSensor
from utils.infra import gen_infra_name
from flytekit import kwtypes, Resources, task, workflow

name = gen_infra_name()


def k8s_data_service():
    gnn_config = DataServiceConfig(
        Name=name,
        Requests=Resources(cpu="1", mem="1Gi"),
        Limits=Resources(cpu="2", mem="2Gi"),
        Replicas=1,
        Image="busybox:latest",
        Command=["bash", "-c", "echo Hello Flyte K8s Stateful Service! && sleep 3600"],
    )
    return DataServiceTask(name="K8s Stateful Data Service", inputs=kwtypes(ds=str), task_config=gnn_config)


gnn_sensor = CleanupSensor(name="Cleanup")


@workflow
def test_dataservice_wf(name: str):
    k8s_data_service()(ds="OSS Flyte K8s Data Service Demo") >> gnn_sensor(
        release_name=name, cleanup_data_service=True
    )


if __name__ == "__main__":
    test_dataservice_wf(name=name)
    print("done")
"""

#: Starts two web servers, reports that they are ready, and waits.
OWNER = """
import sys, time
from k8sdataservice.default_client import default_client

config = {
    "Name": "web", "Image": "unused", "Replicas": 2, "Port": 40000, "MinReadySeconds": 0,
    "Command": ["sh", "-c", "exec python3 -m http.server 40000 --bind $ADDRESS"],
    "Env": {"ADDRESS": {"fieldRef": {"fieldPath": "status.podIP"}}},
    "ReadinessProbe": {"httpGet": {"path": "/", "port": 40000}},
}
client = default_client()
client.create_sync(config, namespace="flyte", owner="me", execution="a test")
assert client.wait_sync("web", namespace="flyte", timeout=30).phase == "Ready"
print("ready", flush=True)
time.sleep(600)
"""


#: Deletes a service of its own and, twice, what is called the same, as a workflow with a second CleanupSensor does.
NAMESAKE = """
import json
from flytekitplugins.k8sdataservice import CleanupSensor
from k8sdataservice import DataServiceError
from k8sdataservice.default_client import default_client

client = default_client()
config = {"Name": "web", "Image": "unused", "Command": ["sleep", "600"], "MinReadySeconds": 0}
client.create_sync(config, namespace="flyte", owner="me", execution="a test")
cleanup = CleanupSensor(name="cleanup")
for _ in range(2):
    cleanup(release_name="web", cleanup_data_service=True)
deletion = client.delete_sync("web", namespace="flyte", force=True).outcome
refusals = []
for change in (client.sleep_sync, client.wake_sync):
    try:
        change("web", namespace="flyte")
    except DataServiceError as error:
        refusals.append(str(error))
print(json.dumps([deletion, refusals, client.get_sync("web", namespace="flyte").phase]))
"""


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Returns variables under which local mode keeps everything in folders of the test, and no cluster can be used."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("K8SDATASERVICE_")}
    # The path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as folder:
        runtime, temporary = Path(folder) / "run", Path(folder) / "tmp"
        for each in (runtime, temporary):
            each.mkdir(mode=0o700)
        yield kept | {
            "K8SDATASERVICE_LOCAL": "processes",
            "KUBECONFIG": str(Path(folder) / "no-kubeconfig"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TMPDIR": str(temporary),
            "XDG_RUNTIME_DIR": str(runtime),
        }


@pytest.fixture
def owner(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Returns a process that has a local cluster with a service called ``web``."""
    process = subprocess.Popen([sys.executable, "-c", OWNER], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def run(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def dataservice(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("dataservice")), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def replicas_of(process: int) -> list[int]:
    """Returns the processes that a process has started as replicas, also where these have become children of others."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                variables = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            owners = [each for each in variables if each.startswith(b"K8SDATASERVICE_LOCAL_OWNER=")]
            if any(f".{process}." in each.decode() for each in owners):
                found.append(int(folder.name))
    return found


def files(environment: dict[str, str]) -> list[Path]:
    folders = (Path(environment["XDG_RUNTIME_DIR"]), Path(environment["TMPDIR"]))
    return [path for folder in folders for path in folder.glob("k8sdataservice*/*")]


def eventually(is_so: Callable[[], bool], timeout: float = 20.0) -> None:
    end = time.monotonic() + timeout
    while not is_so():
        assert time.monotonic() < end, "it is not so in time"
        time.sleep(0.05)


def test_the_documented_workflow_runs_unchanged(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "workflow.py").write_text(DOCUMENTED)
    command = [sys.executable, "workflow.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 and "done" in done.stdout, done.stdout + done.stderr
    assert "is ready with 1 pod" in done.stderr, done.stderr
    assert files(environment) == []


def test_another_process_finds_lists_polls_and_deletes_a_service(
    environment: dict[str, str], owner: subprocess.Popen[str]
) -> None:
    listed = dataservice(environment, "list", "--namespace", "flyte", "-o", "json")
    [service] = json.loads(listed.stdout)
    assert (service["name"], service["phase"], service["readyReplicas"]) == ("web", "Ready", 2), service
    script = """
from k8sdataservice.default_client import default_client
from k8sdataservice.endpoints import endpoints
print(default_client().get_sync("web", namespace="flyte").phase)
print(*endpoints("web", namespace="flyte").addresses)
"""
    found = run(script, environment)
    phase, addresses = found.stdout.splitlines()
    assert phase == "Ready", found.stderr
    assert len(addresses.split()) == 2
    for address in addresses.split():
        with urlopen(f"http://{address}/", timeout=10) as page:
            assert page.status == 200
    # Without the variable, too: the option of the command switches local mode on.
    without = {name: value for name, value in environment.items() if name != "K8SDATASERVICE_LOCAL"}
    deleted = dataservice(without, "delete", "web", "--namespace", "flyte", "--local", "--force")
    assert deleted.returncode == 0, deleted.stdout + deleted.stderr
    eventually(lambda: replicas_of(owner.pid) == [])
    assert owner.poll() is None
    assert "No data services found" in dataservice(environment, "list", "--namespace", "flyte").stderr


def test_a_process_with_a_cluster_changes_nothing_in_those_of_others(
    environment: dict[str, str], owner: subprocess.Popen[str]
) -> None:
    done = run(NAMESAKE, environment)
    assert done.returncode == 0, done.stderr
    # flytekit logs to standard output.
    deletion, refusals, phase = json.loads(done.stdout.splitlines()[-1])
    assert deletion == "NothingThere"
    assert [words.startswith("StatefulSet web in namespace flyte does not exist.") for words in refusals] == [True] * 2
    assert phase == "Ready", "what it has no service of, it finds at others"
    assert owner.poll() is None
    assert len(replicas_of(owner.pid)) >= 2
    listed = dataservice(environment, "list", "--namespace", "flyte", "-o", "json")
    [service] = json.loads(listed.stdout)
    assert (service["name"], service["phase"], service["readyReplicas"]) == ("web", "Ready", 2), service


def test_a_look_without_any_owner_is_an_error_that_says_so(environment: dict[str, str]) -> None:
    looked = run(
        "from k8sdataservice.default_client import default_client\ndefault_client().get_sync('web', namespace='flyte')",
        environment,
    )
    assert "No data service runs on this machine: no process has a local cluster." in looked.stderr
    listed = dataservice(environment, "list", "--namespace", "flyte")
    assert (listed.returncode, listed.stdout) == (0, "") and "No data services found" in listed.stderr, listed
    assert files(environment) == []


def test_a_socket_without_its_process_is_an_error_at_once(environment: dict[str, str]) -> None:
    environment["K8SDATASERVICE_LOCAL_SOCKET"] = f"{environment['TMPDIR']}/gone.sock"
    began = time.monotonic()
    looked = dataservice(environment, "delete", "web", "--namespace", "flyte")
    assert "The process that had this local cluster has ended, and its services with it." in looked.stderr
    assert "gone.sock" in looked.stderr
    assert (looked.returncode, looked.stdout) == (1, "")
    assert time.monotonic() - began < 10


def test_a_wrong_value_is_an_error_before_anything_is_created(environment: dict[str, str]) -> None:
    environment["K8SDATASERVICE_LOCAL"] = "yes"
    refused = run(OWNER, environment)
    message = 'K8SDATASERVICE_LOCAL is "yes", but it is "processes" or not set.'
    assert refused.returncode == 1 and message in refused.stderr, refused.stderr
    assert files(environment) == []


def test_without_a_cluster_and_without_the_variable_the_error_names_it(environment: dict[str, str]) -> None:
    del environment["K8SDATASERVICE_LOCAL"]
    refused = run(OWNER, environment)
    assert "No cluster is configured" in refused.stderr
    assert "or set K8SDATASERVICE_LOCAL=processes to run replicas as processes on this machine." in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_owner_ends(
    environment: dict[str, str], owner: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert len(replicas_of(owner.pid)) >= 2
    owner.send_signal(number)
    owner.wait(timeout=20)
    eventually(lambda: replicas_of(owner.pid) == [])

    def data() -> list[Path]:
        return [path for path in files(environment) if path.is_dir()]

    eventually(lambda: data() == [])
    # A socket and a lock without an owner are found by nobody, and the next start removes them.
    assert "No data services found" in dataservice(environment, "list", "--namespace", "flyte").stderr
    started = run(OWNER.replace("time.sleep(600)", ""), environment)
    assert started.stdout == "ready\n", started.stderr
    assert files(environment) == []
