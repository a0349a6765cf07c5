"""The fixtures of the test kit, in runs of pytest of their own, with real processes."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from unit.inner_runs import WORKFLOW, run

pytest_plugins = ("pytester",)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc"),
    pytest.mark.usefixtures("nobody_elses"),
]


def test_a_service_runs_as_long_as_its_test(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import os, signal
from k8sdataservice import replicas
from k8sdataservice.testing import DataServices, Service
seen = []

def test_starts(data_services: DataServices):
    store = data_services.start(server(replicas=2))
    assert isinstance(store, Service)
    assert (store.name, store.namespace) == ("store", "flyte")
    assert store.endpoints.hostnames == ["store-0.store.flyte", "store-1.store.flyte"]
    assert len(set(store.addresses)) == 2 and all(map(answers, store.addresses))
    seen.extend(replicas.processes_of(os.getpid()))
    assert len(seen) >= 2
    assert data_services.start(server(replicas=2)).addresses == store.addresses, "the same service"

def test_is_gone():
    assert not [each for each in seen if os.path.exists(f"/proc/{each}")]
    assert "K8SDATASERVICE_LOCAL" not in os.environ
    from k8sdataservice._core import local_cluster
    assert local_cluster() is None

def test_nothing_is_shared_by_tests(data_services):
    store = data_services.start(server(Port=40001), wait=False)
    assert store.status.phase != "Ready"
    store.wait()
    assert [address.rpartition(":")[2] for address in store.addresses] == ["40001"]
    store.delete()
    assert store.status.reason == "StatefulSetNotFound"
""",
    )
    result.assert_outcomes(passed=3)


def test_a_replica_is_killed_and_comes_back(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_kill(data_services):
    store = data_services.start(server(replicas=2))
    before = store.addresses
    for _ in range(2):
        assert store.kill(1) is None
        store.wait(for_="Ready")
        assert answers(before[1])
        break
    assert "GET / HTTP" in store.logs(0) and "store-0: " in store.logs()
    with pytest.raises(ValueError, match="ordinal is 7, but data service store has 2 replicas"):
        store.kill(7)

def test_the_end_of_a_replica_is_seen(data_services):
    store = data_services.start(server(StartupProbe={"exec": {"command": ["sh", "-c", "test ! -e gone"]}}))
    open("gone", "w").close()
    store.kill(0)
    store.wait(for_="Initializing")
    with pytest.raises(TimeoutError, match="Data service store is not Ready after 0.5 s, but Initializing"):
        store.wait(timeout=0.5)
    os.remove("gone")

def test_a_failure_is_an_error_with_its_reason(data_services):
    with pytest.raises(Exception, match="Data service store has failed .CommandNotFound"):
        data_services.start(server(Command=["no-such-program"]))
""",
    )
    result.assert_outcomes(passed=3)


def test_a_task_a_configuration_and_a_mapping_can_be_started(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_starts(data_services):
    assert data_services.start(store).name == "store"
    config = DataServiceConfig(**server("second"))
    assert answers(data_services.start(config).addresses[0])
    assert data_services.start(server("third")).name == "third"

def test_a_mistake_is_refused(data_services):
    with pytest.raises(ValueError, match="Prot"):
        data_services.start(server(Prot=1))
""",
        head=WORKFLOW,
    )
    result.assert_outcomes(passed=2)


def test_a_service_that_runs_already_has_addresses_alone(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
from k8sdataservice import DataServiceError

def test_connects(data_services):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        there = data_services.connect(address).wait()
        assert (there.addresses, there.endpoints.addresses) == ([address], [address])
        assert there.name == "127.0.0.1"
        there.delete()
        for refused in (there.kill, there.logs):
            with pytest.raises(DataServiceError, match="not started here"):
                refused(0)
    with pytest.raises(TimeoutError, match="Nothing takes connections"):
        there.wait(timeout=0.1)
    assert data_services.connect("a:1", "b:2").addresses == ["a:1", "b:2"]
    for wrong in ("a", ":1", "a:b", "a:70000"):
        with pytest.raises(ValueError, match="an address is a host and a port"):
            data_services.connect(wrong)
""",
    )
    result.assert_outcomes(passed=1)


def test_workflows_run_on_this_machine_and_the_kubeconfig_is_not_read(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
from flytekit.testing import task_mock

def test_the_workflow_has_its_own(data_services):
    assert training(clean=True) == 2

def test_the_workflow_uses_what_runs(data_services):
    running = data_services.start(store)
    assert training(clean=True) == 2
    assert running.status.phase == "Ready"

def test_the_task_is_a_mock(data_services):
    running = data_services.start(server("other", replicas=2))
    with task_mock(store) as mock:
        mock.return_value = running.name
        assert training(clean=False) == 2

@pytest.mark.xfail(raises=Exception, reason="without the fixture the kubeconfig counts, which is garbage", strict=True)
def test_without_the_fixture():
    training(clean=True)
""",
        head=WORKFLOW,
    )
    result.assert_outcomes(passed=3, xfailed=1)


LEAKS = """
def test_leaves_it(data_services):
    assert training(clean=False) == 2

@pytest.mark.dataservice(leaks="allowed")
def test_may_leave_it(data_services):
    assert training(clean=False) == 2

def test_finds_nothing(data_services):
    from k8sdataservice.default_client import default_client
    assert default_client().list_sync().services == []

def test_its_own_is_no_leak(data_services):
    data_services.start(server())

@workflow
def ends_with_its_run() -> str:
    return unnamed()

unnamed = DataServiceTask(name="unnamed", task_config=DataServiceConfig(**server(name=None)))

def test_ends_with_its_run(data_services):
    ends_with_its_run()

def test_fails_by_itself(data_services):
    training(clean=False)
    assert False, "its own words"
"""


def test_a_workflow_that_leaves_a_service_behind_fails_its_test(pytester: pytest.Pytester) -> None:
    result = run(pytester, LEAKS, head=WORKFLOW)
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*test_leaves_it*",
            "Left behind: data service store in namespace flyte (Ready). Let the workflow delete it *",
            "*its own words*",
        ]
    )
    result.stdout.fnmatch_lines(["FAILED *::test_leaves_it - *Left behind: data service*"])


def test_the_marker_takes_nothing_else(pytester: pytest.Pytester) -> None:
    tests = """
@pytest.mark.dataservice(leak="allowed")
def test_misspelled(data_services):
    pass
"""
    result = run(pytester, tests, "--strict-markers")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*The marker dataservice takes leaks='allowed', and nothing else.*"])


def test_shared_services_outlive_tests_and_are_no_leaks(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
seen = []

@pytest.fixture(scope="session")
def shared(shared_data_services):
    return shared_data_services.start(server("shared"))

def test_first(shared, data_services):
    seen.append(shared.addresses)
    data_services.start(server("mine"))

def test_between():
    assert "K8SDATASERVICE_LOCAL" not in os.environ

def test_second(shared, data_services):
    assert shared.addresses == seen[0] and answers(seen[0][0])
    from k8sdataservice.default_client import default_client
    assert [each.name for each in default_client().list_sync().services] == ["shared"]
    assert training(clean=True) == 2

def test_third(shared):
    assert answers(shared.addresses[0])
    training(clean=False)

def test_last_without_any():
    # Its setting-up ends nothing: the shared ones end after it.
    assert answers(seen[0][0])
""",
        head=WORKFLOW,
    )
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["FAILED *::test_third - *Left behind: data service*"])


def test_asyncio_tests_and_fixtures_by_name_work(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import asyncio

async def test_async(data_services):
    store = data_services.start(server())
    host, _, port = store.addresses[0].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    assert (await reader.readline()).startswith(b"HTTP/1.0 200")
    writer.close()

def test_by_name(request):
    store = request.getfixturevalue("data_services").start(server())
    assert answers(store.addresses[0])

def test_after_it():
    assert "K8SDATASERVICE_LOCAL" not in os.environ
""",
        "-o",
        "asyncio_mode=auto",
    )
    result.assert_outcomes(passed=3)


def test_a_failed_test_shows_the_logs_of_its_replicas(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
SCRIPT = "echo says $HOSTNAME; test -e $PWD/again-$HOSTNAME || { touch $PWD/again-$HOSTNAME; exit 3; }; exec sleep 60"

def test_fails(data_services):
    data_services.start({"Name": "loud", "Image": "none", "Replicas": 2, "Command": ["sh", "-c", SCRIPT]})
    assert 1 == 2

def test_passes(data_services):
    data_services.start({"Name": "quiet", "Image": "none", "Command": ["sh", "-c", "echo not shown; exec sleep 60"]})

@pytest.fixture
def doomed(data_services):
    script = "echo last words; exit 4"
    config = {"Name": "doomed", "Image": "none", "Command": ["sh", "-c", script], "MinReadySeconds": 1}
    return data_services.start(config)

def test_fails_before_it_begins(doomed):
    pass
""",
    )
    result.assert_outcomes(passed=1, failed=1, errors=1)
    text = result.stdout.str()
    for name in ("loud-0", "loud-1"):
        assert f" Log of replica {name} " in text and f" Log before the last restart of replica {name} " in text
        assert f"says {name}" in text
    assert "last words" in text and "Log of replica doomed-0" in text
    assert "not shown" not in text


def test_the_plugin_costs_next_to_nothing_where_nobody_uses_it() -> None:
    script = """
import sys
import pytest
before = set(sys.modules)
import k8sdataservice.testing.plugin
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    loaded = ["k8sdataservice", "k8sdataservice.testing", "k8sdataservice.testing.plugin"]
    assert done.stdout.strip() == str(loaded), "neither the core nor flytekit nor rich, nor anything else"
    costs = []
    for _ in range(5):
        timed = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", "import pytest, k8sdataservice.testing.plugin"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        lines = re.findall(r"import time: +(\d+) \| +\d+ \| +(k8sdataservice\S*)", timed.stderr)
        assert [name for _, name in lines] == loaded
        costs.append(sum(int(own) for own, _ in lines))
    assert min(costs) < 5000, f"{min(costs)} µs"


def test_a_run_without_the_fixtures_loads_nothing_more(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_nothing():
    assert [name for name in sys.modules if "k8sdataservice" in name] == [
        "k8sdataservice", "k8sdataservice.testing", "k8sdataservice.testing.plugin"
    ]
""",
    )
    result.assert_outcomes(passed=1)


def test_a_test_with_a_service_is_quick(pytester: pytest.Pytester) -> None:
    tests = """
@pytest.mark.parametrize("number", range(5))
def test_starts(data_services, number):
    begun = time.monotonic()
    data_services.start(server())
    with open("seconds", "a") as file:
        file.write(f"{time.monotonic() - begun}\\n")
"""
    begun = time.monotonic()
    run(pytester, tests).assert_outcomes(passed=5)
    seconds = sorted(float(line) for line in (pytester.path / "seconds").read_text().split())
    # Far less where nothing else runs.
    assert seconds[len(seconds) // 2] < 2.5, (seconds, time.monotonic() - begun)
