"""How soon services are gone after their runs have ended, and what it costs to wait for that."""

from __future__ import annotations

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import yaml
from flyteidl.service.agent_pb2_grpc import AsyncAgentServiceStub

from bench.api_requests import REQUESTS, series
from bench.bare import BareCluster, bare_cluster
from bench.calls import get_request, metadata_of
from bench.connectors import CHANNEL_OPTIONS, OURS, Connector, serve_ours
from bench.end_to_end import measure_end_to_end
from bench.raw_api import NAMESPACE, Object
from bench.results import Figure, Results, Target
from bench.runs import SUFFIXES, define_runs, end_run, until_gone, write_runs
from bench.stage import Stage

#: How many runs end at once.
_AT_ONCE = 500
#: How long to count requests while nothing happens, in seconds: longer than a sweep, and than a Lease lasts.
_REST = 70.0
_SAMPLES = 5
#: How many where each may take a minute.
_SLOW_SAMPLES = 3
#: How long the connector waits between two sweeps where it cannot watch runs, in seconds.
_SWEEP = 60.0

#: The resources that a connector reads and writes, besides its Lease.
_RESOURCES = ("statefulsets", "services", "pods", "endpointslices", "events", "flyteworkflows", "configmaps")


def measure_ends(stage: Stage, results: Results) -> None:
    """Measures the end of services, of a few with pods, and with half as many live runs as services in `many`."""
    measure_end_to_end(stage, results)
    with bare_cluster(stage.progress) as bare, TemporaryDirectory(prefix="bench-logs-") as logs:
        define_runs(bare.api)
        names = [f"{stage.prefix}{number:06}" for number in range(max(stage.services // 2, _SAMPLES * 4))]
        stage.progress(f"writing {len(names):,} runs with {len(SUFFIXES)} services each")
        write_runs(stage, bare, names)
        of_all = f"{len(names):,} runs and {len(SUFFIXES) * len(names):,} services"
        _measure_with_a_watch(stage, results, bare, names, of_all, Path(logs))
        _measure_without(stage, results, bare, names, Path(logs))


def _measure_with_a_watch(
    stage: Stage, results: Results, bare: BareCluster, names: list[str], of_all: str, logs: Path
) -> None:
    soon = Figure(f"run end until its services are gone, of {of_all}", "s")
    mass = Figure(f"end of {_AT_ONCE} runs until all their services are gone", "s")
    killed = Figure("run end until its services are gone, the leader was killed just before", "s")
    rest = Figure(f"requests in {_REST:.0f} s at rest, of {of_all}, but for Leases", "requests", comparable=False)
    watches = Figure(f"watches over runs, of {of_all}, from two connectors", "watches", comparable=False)
    memory = Figure(f"memory of the connector, of {of_all}", "MiB")
    with serve_ours([OURS], stage.venvs.ours, bare.kubeconfig, logs) as [leader]:
        memory.add("before the first call", _resident(leader))
        _poll(leader, names[-1])
        stage.progress("waiting until the connector knows all runs")
        _end(bare, names.pop())
        with serve_ours(["second"], stage.venvs.ours, bare.kubeconfig, logs) as [second]:
            _poll(second, names[-1])
            for _ in range(_SAMPLES):
                soon.add(OURS, _end(bare, names.pop()))
            memory.add(OURS, _resident(leader))
            stage.progress(f"counting requests for {_REST:.0f} s")
            _poll(leader, names[-1])
            _settle(bare)
            before = _requests(bare)
            time.sleep(_REST)
            rest.add(OURS, _requests(bare) - before)
            watches.add(OURS, _watches(bare))
            if len(names) > 4 * _AT_ONCE:
                stage.progress(f"ending {_AT_ONCE} runs")
                ending, names[-_AT_ONCE:] = names[-_AT_ONCE:], []
                with ThreadPoolExecutor(8) as threads:
                    began = time.monotonic()
                    list(threads.map(lambda name: end_run(bare.api, NAMESPACE, name), ending))
                    gone = list(threads.map(lambda name: until_gone(bare, name), ending))
                mass.add(OURS, max(gone) - began)
            _poll(second, names[-1])
            stage.progress("killing the leader")
            os.kill(leader.pid, signal.SIGKILL)
            killed.add(OURS, _end(bare, names.pop()))
    results.figures += [soon, rest, watches, memory, *([mass] if mass.rounds else []), killed]
    results.targets += [
        Target.at_most("run end until its services are gone: at most 2 s", soon.spread(OURS).median, 2.0, " s"),
        Target.at_most("the same after the leader was killed: at most 22 s", killed.spread(OURS).median, 22.0, " s"),
        Target.at_most("requests at rest but for Leases: none", rest.spread(OURS).median, 0.0, ""),
        Target.at_most("one watch over all runs", watches.spread(OURS).median, 1.0, ""),
    ]


def _measure_without(stage: Stage, results: Results, bare: BareCluster, names: list[str], logs: Path) -> None:
    figure = Figure("run end until its services are gone, without the permission to watch runs", "s")
    kubeconfig = _restricted(bare, logs)
    with serve_ours(["without-a-watch"], stage.venvs.ours, kubeconfig, logs) as [connector]:
        _poll(connector, names[-1])
        _end(bare, names.pop())
        for sample in range(_SLOW_SAMPLES):
            stage.progress(f"ending a run that is not watched: {sample + 1} of {_SLOW_SAMPLES}")
            # At another moment between two sweeps each time.
            time.sleep(_SWEEP * sample / _SLOW_SAMPLES)
            figure.add(OURS, _end(bare, names.pop()))
    results.figures.append(figure)
    worst = max(figure.rounds[OURS])
    results.targets.append(
        Target.at_most("run end until its services are gone, without watching: at most 62 s", worst, 62.0, " s")
    )


def _end(bare: BareCluster, name: str) -> float:
    began = time.monotonic()
    end_run(bare.api, NAMESPACE, name)
    return until_gone(bare, name) - began


def _poll(connector: Connector, name: str) -> None:
    """Asks for a service, so that the connector looks after its namespace."""
    with grpc.insecure_channel(connector.target, options=CHANNEL_OPTIONS) as channel:
        grpc.channel_ready_future(channel).result(10)
        stub = AsyncAgentServiceStub(channel)
        stub.GetTask(get_request(metadata_of(f"{name}{SUFFIXES[0]}", NAMESPACE)), timeout=10)


def _resident(connector: Connector) -> float:
    status = Path(f"/proc/{connector.pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _requests(bare: BareCluster) -> float:
    def counts(labels: dict[str, str]) -> bool:
        # A watch is counted when it ends, which it does by itself after some minutes.
        return labels.get("resource") in _RESOURCES and labels.get("verb") != "WATCH"

    return sum(count for labels, count in series(bare.api, REQUESTS) if counts(labels))


def _settle(bare: BareCluster) -> None:
    """Waits, for a minute at most, until a connector that has just started has listed everything."""
    for _ in range(12):
        before = _requests(bare)
        time.sleep(5)
        if _requests(bare) == before:
            return


def _watches(bare: BareCluster) -> float:
    watches = series(bare.api, "apiserver_longrunning_requests")
    return sum(count for labels, count in watches if labels.get("resource") == "flyteworkflows")


def _restricted(bare: BareCluster, folder: Path) -> Path:
    """Returns a kubeconfig of an account that may do all that a connector does, but not watch runs."""
    roles = "/apis/rbac.authorization.k8s.io/v1"
    metadata: Object = {"name": "bench-without-a-watch"}
    rules = [
        {"apiGroups": ["", "apps", "discovery.k8s.io", "coordination.k8s.io"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["flyte.lyft.com"], "resources": ["flyteworkflows"], "verbs": ["get"]},
    ]
    bare.api.make(f"{roles}/clusterroles", {"metadata": metadata, "rules": rules})
    account = {"kind": "ServiceAccount", "name": metadata["name"], "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": metadata["name"]}
    bare.api.make(f"{roles}/clusterrolebindings", {"metadata": metadata, "roleRef": role, "subjects": [account]})
    accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
    bare.api.make(accounts, {"metadata": metadata})
    token = bare.api.make(f"{accounts}/{metadata['name']}/token", {"spec": {"expirationSeconds": 3600}})
    config = yaml.safe_load(bare.kubeconfig.read_text())
    for each in config["users"]:
        each["user"] = {"token": token["status"]["token"]}
    file = folder / "restricted-kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file
