"""What is left of tests with data services: nothing, however they and their pytest end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from unit.inner_runs import HEAD, WORKFLOW, run
from unit.local_runs import eventually, left_of, nothing_is_left_of

pytest_plugins = ("pytester",)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc"),
    pytest.mark.usefixtures("nobody_elses"),
]


def test_every_worker_of_xdist_has_its_own(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
@pytest.mark.parametrize("number", range(12))
def test_same_name(data_services, number):
    from k8sdataservice.default_client import default_client
    assert default_client().list_sync().services == []
    store = data_services.start(server(replicas=2, Env=server()["Env"] | {"NUMBER": str(number)}))
    assert len(store.addresses) == 2 and all(map(answers, store.addresses))
    assert [each.name for each in default_client().list_sync().services] == ["store"]
    with open("pids", "a") as file:
        file.write(f"{os.getpid()}\\n")
""",
        "-n4",
    )
    result.assert_outcomes(passed=12)
    workers = {int(line) for line in (pytester.path / "pids").read_text().split()}
    assert len(workers) > 1
    assert [each for worker in workers for each in left_of(worker)] == []


#: How somebody ends pytest.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)

WAITS = """
def test_waits(data_services):
    store = data_services.start(server(replicas=2))
    with open("pid", "w") as file:
        file.write(f"{os.getpid()} {' '.join(store.addresses)}\\n")
    time.sleep(60)

def test_never_runs(data_services):
    open("ran", "w").close()
"""

WAITS_IN_ITS_WORKFLOW = """
@task
def waits(name: str) -> int:
    with open("pid", "w") as file:
        file.write(f"{os.getpid()} {' '.join(store.endpoints(name).addresses)}\\n")
    time.sleep(60)
    return 1

@workflow
def slow() -> int:
    return waits(name=store())

def test_waits(data_services):
    slow()

def test_never_runs(data_services):
    open("ran", "w").close()
"""


@pytest.mark.parametrize(
    ("number", "tests", "arguments"),
    [
        *((number, tests, []) for number in SIGNALS for tests in (WAITS, WAITS_IN_ITS_WORKFLOW)),
        (signal.SIGINT, WAITS, ["-n2"]),
        (signal.SIGKILL, WAITS, ["-n2"]),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else "xdist" if value == ["-n2"] else "",
)
def test_nothing_is_left_of_pytest_however_it_ends(
    pytester: pytest.Pytester, number: signal.Signals, tests: str, arguments: list[str]
) -> None:
    pytester.makepyfile(test_inside=(WORKFLOW if tests is WAITS_IN_ITS_WORKFLOW else HEAD) + tests)
    pid = pytester.path / "pid"
    arguments = [*arguments, *(["-k", "test_waits"] if arguments else [])]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert eventually(lambda: pid.exists() and pid.read_text().endswith("\n"), 60), "the test begins"
        owner, *addresses = pid.read_text().split()
        assert len(addresses) == 2 and left_of(int(owner))
        # A terminal sends Ctrl-C to all; with xdist, whoever ends pytest ends the process that the user started.
        targets = {process.pid, int(owner)} if number == signal.SIGINT else {process.pid}
        for target in targets:
            os.kill(target, number)
        output, _ = process.communicate(timeout=60)
    assert process.returncode != 0, output
    assert nothing_is_left_of(int(owner)) == [], output
    if number != signal.SIGKILL and not arguments:
        assert left_of(int(owner)) == [], output
    assert not (pytester.path / "ran").exists(), output


def test_services_of_failed_tests_can_be_kept(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_fails(data_services):
    data_services.start(server())
    assert False

def test_next(data_services):
    mine = data_services.start(server(Port=40001))
    assert mine.namespace == "flyte-1"
    assert mine.addresses[0].endswith(":40001")

def test_last(data_services):
    from k8sdataservice.default_client import default_client
    assert [(each.namespace, each.name) for each in default_client().list_sync().services] == [("flyte", "store")]
    with open("pid", "w") as file:
        file.write(str(os.getpid()))
""",
        "--dataservice-keep",
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*kept data services*", "store in namespace flyte", "They end with pytest.*"])
    assert left_of(int((pytester.path / "pid").read_text())) == []


def test_in_memory_nothing_runs(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_runs(data_services):\n    pass\n", "--dataservice=memory")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*replicas have to run, and with --dataservice=memory none does*"])


def test_a_cluster_is_that_of_the_kubeconfig(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8SDATASERVICE_LOCAL", "processes")
    result = run(pytester, "def test_runs(data_services):\n    pass\n", "--dataservice=cluster")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{os.environ['KUBECONFIG']}*"])
