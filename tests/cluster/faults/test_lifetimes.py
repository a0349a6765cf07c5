"""A process that is killed at every request by which a run joins or leaves a service, or by which a service ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from k8sdataservice._core import Client
from k8sdataservice._core import Execution as Named

from cluster.support.configs import config
from cluster.support.connector import environment
from cluster.support.faults.api_server import ApiServer
from cluster.support.faults.calls import Position, positions_of
from cluster.support.faults.proxy import FaultProxy, Trouble
from cluster.support.faults.strikes import Hold
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import nothing
from cluster.support.runs import SUCCEEDED, Run, begin, define_runs

#: How long a process may need to get to the call that is held, in seconds.
ON_ITS_WAY = 20.0

#: A process whose run uses or leaves a service. Its work is the connector's, which any process can do.
CALL = """
import json, sys
from k8sdataservice._core import Client, Execution
verb, arguments = sys.argv[1], json.loads(sys.argv[2])
if "execution" in arguments:
    arguments["execution"] = Execution(**arguments["execution"])
first = arguments.pop("first")
getattr(Client(timeout=10), verb)(first, **arguments)
"""

HOLDER = "holder.k8sdataservice.flyte.org/"


@dataclass
class Stage:
    """A namespace in which no connector runs, and a way to it on which calls are held."""

    kubernetes: Kubernetes
    proxy: FaultProxy
    environment: dict[str, str]

    def arguments(self, run: Run, first: Any) -> dict[str, Any]:
        """Returns the arguments of a run's create."""
        name = run.execution.name
        execution = {
            "project": "flytesnacks",
            "domain": "development",
            "name": name,
            "node_id": "n0",
            "namespace": self.kubernetes.namespace,
        }
        return {"first": first, "namespace": self.kubernetes.namespace, "owner": f"{name}/n0", "execution": execution}

    def command(self, verb: str, arguments: dict[str, Any]) -> list[str]:
        """Returns the command of a process that makes a call."""
        return [sys.executable, "-c", CALL, verb, json.dumps(arguments)]

    def call(self, verb: str, arguments: dict[str, Any]) -> None:
        """Makes a call in this process, past the proxy."""
        arguments = dict(arguments)
        if "execution" in arguments:
            arguments["execution"] = Named(**arguments["execution"])
        getattr(Client(timeout=10), verb)(arguments.pop("first"), **arguments)

    def holders(self) -> list[str]:
        """Returns the runs that hold the service foo."""
        there = self.kubernetes.get("statefulset", "foo") or {"metadata": {}}
        annotations = there["metadata"].get("annotations", {})
        return sorted(json.loads(value)["name"] for key, value in annotations.items() if key.startswith(HOLDER))

    def keys(self, command: list[str], names: list[str]) -> list[list[str]]:
        """Returns the calls of a process for each of these objects."""
        troubles = self._plan(names, {})
        subprocess.run(command, env=self.environment, check=True, timeout=60)
        return [troubles[name].keys for name in names]

    def kill(self, command: list[str], names: list[str], name: str, position: Position, hold: Hold) -> None:
        """Kills a process while one of its calls is held."""
        troubles = self._plan(names, {name: Trouble({position: hold}, stays=position)})
        with subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE) as process:
            try:
                assert hold.reached.wait(ON_ITS_WAY), f"{position} did not come: {troubles[name].keys}"
            finally:
                process.kill()
        hold.let_go()
        for trouble in troubles.values():
            trouble.settle()
        self._plan(names, {})

    def _plan(self, names: list[str], planned: dict[str, Trouble]) -> dict[str, Trouble]:
        troubles = {name: planned.get(name) or Trouble() for name in names}
        for name, trouble in troubles.items():
            self.proxy.trouble(name, trouble)
        return troubles


@pytest.fixture
def stage(kubernetes: Kubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Returns the place, where runs are shown."""
    define_runs(kubernetes)
    proxy = FaultProxy(ApiServer(kubernetes, tmp_path), watches=True)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    yield Stage(kubernetes, proxy, environment(proxy.kubeconfig(tmp_path), kubernetes.namespace))
    proxy.close()


def holds() -> list[tuple[str, Hold]]:
    """Returns the moments at which a call can be held, in words."""
    return [
        ("before the API server has heard of it", Hold(acts_first=False)),
        ("after the API server has acted", Hold(acts_first=True)),
        ("just before the API server acts", Hold(acts_first=False, acts_late=True)),
    ]


def killed_everywhere(
    stage: Stage,
    prepare: Callable[[], tuple[list[str], list[str]]],
    check: Callable[[], None],
) -> int:
    """Kills a process at each of its calls, and returns in how many cases.

    Args:
        stage: The place.
        prepare: Brings about the situation; returns the command of the process, and the names that its calls are for.
        check: Checks what is right after the process was killed, and leaves nothing.
    """
    command, names = prepare()
    keys = stage.keys(command, names)
    check()
    cases = 0
    for index, of_object in enumerate(keys):
        for position in positions_of(of_object):
            for when, hold in holds():
                command, names = prepare()
                stage.kill(command, names, names[index], position, hold)
                try:
                    check()
                except AssertionError as error:
                    raise AssertionError(f"killed at {position}, {when}: {error}") from error
                cases += 1
    return cases


def reap(stage: Stage) -> None:
    """Ends what is to end, past the proxy, and checks that nothing else is left."""
    sweep = Client(timeout=10).reap_sync(namespace=stage.kubernetes.namespace)
    assert sweep.errors == []
    wait_until(lambda: stage.kubernetes.services() == nothing(), "the service to be gone", 10)


def test_a_reaper_killed_at_any_request_leaves_a_service_that_the_next_one_ends(stage: Stage) -> None:
    command = [str(Path(sys.executable).with_name("dataservice")), "reap"]

    def prepare() -> tuple[list[str], list[str]]:
        run = begin(stage.kubernetes)
        stage.call("create_sync", stage.arguments(run, config("foo", Replicas=0, Lifetime="run")))
        run.end(SUCCEEDED)
        return command, ["foo", run.execution.name]

    assert killed_everywhere(stage, prepare, lambda: reap(stage)) >= 9


@pytest.mark.parametrize("repeats", [True, False], ids=["Flyte repeats it", "the run is aborted"])
def test_a_process_killed_while_a_run_creates_a_service_leaves_none_behind(stage: Stage, repeats: bool) -> None:
    runs: list[Run] = []
    wanted = config("foo", Replicas=0, Lifetime="run")

    def prepare() -> tuple[list[str], list[str]]:
        runs[:] = [begin(stage.kubernetes)]
        creates = stage.arguments(runs[0], wanted)
        return stage.command("create_sync", creates), ["foo", runs[0].execution.name]

    def check() -> None:
        [run] = runs
        if repeats:
            stage.call("create_sync", stage.arguments(run, wanted))
            assert stage.holders() == [run.execution.name]
            [reaped] = Client(timeout=10).reap_sync(namespace=stage.kubernetes.namespace).services
            assert not reaped.deleted and stage.kubernetes.get("statefulset", "foo"), "it was deleted while it was held"
        run.abort()
        reap(stage)

    assert killed_everywhere(stage, prepare, check) >= 6


def test_a_process_killed_while_a_run_joins_a_service_loses_no_holder(stage: Stage) -> None:
    runs: list[Run] = []
    wanted = config("foo", Replicas=0, Lifetime="run")

    def prepare() -> tuple[list[str], list[str]]:
        runs[:] = [begin(stage.kubernetes), begin(stage.kubernetes)]
        stage.call("create_sync", stage.arguments(runs[0], wanted))
        joins = stage.arguments(runs[1], wanted)
        return stage.command("create_sync", joins), ["foo", runs[1].execution.name]

    def check() -> None:
        first, second = runs
        assert first.execution.name in stage.holders()
        # Flyte repeats a create whose answer it did not get.
        stage.call("create_sync", stage.arguments(second, wanted))
        assert stage.holders() == sorted([first.execution.name, second.execution.name])
        first.end(SUCCEEDED)
        [reaped] = Client(timeout=10).reap_sync(namespace=stage.kubernetes.namespace).services
        assert not reaped.deleted and stage.kubernetes.get("statefulset", "foo"), "it was deleted while it was held"
        second.abort()
        reap(stage)

    assert killed_everywhere(stage, prepare, check) >= 6


def test_a_process_killed_while_a_run_leaves_a_service_removes_no_other_holder(stage: Stage) -> None:
    runs: list[Run] = []
    wanted = config("foo", Replicas=0, Lifetime="run")

    def leaving() -> dict[str, Any]:
        owner = stage.arguments(runs[0], "foo")["owner"]
        return {"first": "foo", "namespace": stage.kubernetes.namespace, "owner": owner}

    def prepare() -> tuple[list[str], list[str]]:
        runs[:] = [begin(stage.kubernetes), begin(stage.kubernetes)]
        for run in runs:
            stage.call("create_sync", stage.arguments(run, wanted))
        return stage.command("delete_sync", leaving()), ["foo", *(run.execution.name for run in runs)]

    def check() -> None:
        first, second = runs
        assert second.execution.name in stage.holders()
        # Flyte repeats a delete, too.
        stage.call("delete_sync", leaving())
        assert stage.holders() == [second.execution.name]
        first.abort()
        second.end(SUCCEEDED)
        reap(stage)

    assert killed_everywhere(stage, prepare, check) >= 6
