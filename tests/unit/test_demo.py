"""``dataservice demo``: real processes, and nothing of them afterwards."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from k8sdataservice import DataServiceError
from k8sdataservice.cli.performance import Performance

from unit.local_runs import eventually, left_of, nothing_is_left_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

PROJECT = Path(__file__).parents[2]

#: The command where flytekit cannot be imported.
WITHOUT_FLYTEKIT = """
import sys
sys.modules["flytekit"] = None
from k8sdataservice.cli.main import main
sys.argv[0] = "dataservice"
main()
"""

#: What the command line needs.
PACKAGES = ("click", "rich", "yaml", "pygments", "markdown_it", "mdurl")


def start(**variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WITHOUT_FLYTEKIT, "demo"],
        env={"PATH": "/usr/bin:/bin", "KUBECONFIG": "/nonexistent", "COLUMNS": "80"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_shows_a_service_from_its_start_to_its_end_and_leaves_nothing() -> None:
    begun = time.monotonic()
    with start() as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, ""), output
    assert time.monotonic() - begun < 10
    steps = [
        "Local mode is on",
        "is created: 2 replicas",
        "is ready with 2 pods",
        'demo-0.demo.flyte is http://127.77.1.1:40000/ here, and answers "hello from demo-0".',
        'demo-1.demo.flyte is http://127.77.1.2:40000/ here, and answers "hello from demo-1".',
        "$ kill -KILL",
        "killed by signal 9",
        "demo-0 is process",
        "is ready with 2 pods",
        'answers "hello from demo-0" again.',
        "is deleted, and its processes have ended.",
        "Nothing is left: no process, no server at an address, no socket and no folder.",
    ]
    pattern = ".*".join(re.escape(step).replace(re.escape("127.77.1."), r"127\.77\.\d+\.") for step in steps)
    # A message of the status and the number of the new process may be in either order.
    pattern = pattern.replace(r"killed\ by\ signal\ 9.*demo\-0\ is\ process", r"demo\-0\ is\ process")
    assert re.search(pattern, output, re.S), output
    assert all(re.match(r" *\d+\.\d s  \S", line) for line in output.splitlines()), output
    assert left_of(process.pid) == []


def test_settings_of_the_environment_do_not_matter(tmp_path: Path) -> None:
    other = {"K8SDATASERVICE_SETTINGS": "/nonexistent", "K8SDATASERVICE_LOCAL_SOCKET": str(tmp_path / "socket")}
    with start(**other, K8SDATASERVICE_MIN_READY_SECONDS="nonsense") as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, output + errors


@pytest.mark.parametrize("step", ["is created", "is ready", "kill -KILL"])
def test_ctrl_c_leaves_nothing(step: str) -> None:
    with start(PYTHONUNBUFFERED="1") as process:
        assert process.stdout
        for line in process.stdout:
            if step in line:
                break
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, ""), output
    assert left_of(process.pid) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_runs_on_when_it_is_killed(number: signal.Signals) -> None:
    with start(PYTHONUNBUFFERED="1") as process:
        assert process.stdout
        assert any("is ready" in line for line in process.stdout)
        assert left_of(process.pid)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert nothing_is_left_of(process.pid) == []


def test_it_fails_where_something_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    # The demonstration switches local mode on for the rest of its process.
    monkeypatch.setenv("K8SDATASERVICE_LOCAL", "processes")
    performance = Performance(lambda words, style="": None)
    performance.run()
    performance.end()
    performance.prove()
    # As if the cluster had forgotten a process.
    marked = {"K8SDATASERVICE_LOCAL_OWNER": f"1.{os.getpid()}.1.x"}
    with subprocess.Popen(["sleep", "60"], env=os.environ | marked) as forgotten:
        try:
            assert eventually(lambda: f"process {forgotten.pid}" in left_of(os.getpid()))
            with pytest.raises(DataServiceError, match=rf"Left behind: process {forgotten.pid}\."):
                performance.prove()
        finally:
            forgotten.kill()


@pytest.fixture
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with what the command line needs, which every user may read."""
    folder = tmp_path_factory.mktemp("packages")
    for name in PACKAGES:
        package = Path(__import__(name).__file__ or "").parent
        shutil.copytree(package, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "python" / "k8sdataservice", folder / "k8sdataservice", dirs_exist_ok=True)
    import k8sdataservice._core

    shutil.copy(k8sdataservice._core.__file__, folder / "k8sdataservice")
    for each in (folder, *folder.parents):
        if each.owner() == Path.home().owner() and each != Path("/"):
            each.chmod(each.stat().st_mode | 0o055)
    return folder


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="there is no Python that every user can run")
def test_any_user_can_run_it_without_a_network(packages: Path) -> None:
    probe = subprocess.run(["/usr/bin/python3", "-c", "import sys; sys.exit(sys.version_info < (3, 10))"], check=False)
    if probe.returncode:
        pytest.skip("the Python of all users is too old")
    program = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    program += ["/usr/bin/python3", "-B", "-m", "k8sdataservice", "demo"]
    variables = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(packages)}
    script = 'ip link set lo up 2>/dev/null; exec "$@"'
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script, "sh", *program],
        env=variables,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode and "unshare" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing is left" in done.stdout
