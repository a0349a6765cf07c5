"""Receipts of services that have ended, which the platform keeps and a command shows."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flyteidl.core.execution_pb2 import TaskExecution
from k8sdataservice._core import Client

from cluster.support.account import allow, give_role, kubeconfig_of_account
from cluster.support.configs import config
from cluster.support.connector import Connector, environment
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import nothing
from cluster.support.runs import SUCCEEDED, begin, define_runs, runs_shown

BOOK = "k8sdataservice-receipts"


def settings_of(folder: Path, **receipts: Any) -> str:
    """Returns the path of a file of settings that keep receipts."""
    file = folder / "settings.yaml"
    file.write_text(json.dumps({"receipts": receipts}))
    return str(file)


def kept(kubernetes: Kubernetes) -> list[dict[str, Any]]:
    """Returns the receipts that are kept, the oldest first."""
    book = kubernetes.get("configmap", BOOK) or {}
    return [json.loads(receipt) for _, receipt in sorted((book.get("data") or {}).items())]


def until_kept(kubernetes: Kubernetes, name: str) -> None:
    wait_until(lambda: name in [receipt["service"] for receipt in kept(kubernetes)], f"the receipt of {name}")


def command(kubernetes: Kubernetes, *options: str) -> subprocess.CompletedProcess[str]:
    words = [str(Path(sys.executable).with_name("dataservice")), "receipts", *options]
    variables = environment(kubernetes.kubeconfig, kubernetes.namespace)
    return subprocess.run(words, env=variables, capture_output=True, text=True, timeout=60, check=False)


def test_services_that_end_at_once_leave_one_receipt_each(
    kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    client = Client(platform={"receipts": {"keep": 100}}, timeout=20)
    names = [f"foo-{number}" for number in range(20)]
    place: dict[str, Any] = {"namespace": kubernetes.namespace}

    def live(name: str) -> None:
        client.create_sync(config(name, Replicas=0), owner=name, execution="a test", **place)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(live, names))
        list(pool.map(lambda name: client.delete_sync(name, **place), names))
    assert sorted(receipt["service"] for receipt in kept(kubernetes)) == sorted(names)
    assert kubernetes.services() == nothing()


def test_a_record_of_the_log_has_the_receipt_as_json(
    kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    caplog.set_level(logging.INFO, "k8sdataservice")
    client = Client(timeout=20)
    place: dict[str, Any] = {"namespace": kubernetes.namespace}
    client.create_sync(config("foo", Replicas=0), owner="me", execution="a test", **place)
    client.delete_sync("foo", **place)

    def records() -> list[logging.LogRecord]:
        return [record for record in caplog.records if "Data service foo ended" in record.getMessage()]

    [record] = wait_until(records, "the record")
    receipt = json.loads(vars(record)["receipt"])
    assert (receipt["service"], receipt["namespace"]) == ("foo", kubernetes.namespace)
    assert receipt["reason"] == "its deletion was asked for"


def test_the_command_shows_the_last_receipts_with_their_cost(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    for verb in ("create", "get", "patch"):
        allow(kubernetes, verb, "configmaps")
    define_runs(kubernetes)
    prices = {"currency": "EUR", "cpu": 0.03, "storage": 1}
    settings = settings_of(tmp_path, keep=2, prices=prices)
    with runs_shown(kubernetes):
        connector = start_connector(K8SDATASERVICE_SETTINGS=settings)
        for name in ("first", "second", "third"):
            run = begin(kubernetes)
            claims = [{"name": "data", "mountPath": "/data", "size": "1Gi"}] if name == "third" else None
            wanted = config(name, Replicas=0, Lifetime="run", VolumeClaimTemplates=claims)
            connector.create(wanted, run.execution)
            run.end(SUCCEEDED)
            wait_until(lambda: kubernetes.services() == nothing(), "the service to be gone")
            until_kept(kubernetes, name)
            # The times of receipts are whole seconds, and the command sorts by them.
            time.sleep(1)
    assert [receipt["service"] for receipt in kept(kubernetes)] == ["second", "third"]
    # The Events are younger than an hour, so that the first one is found there.
    shown = command(kubernetes)
    assert shown.returncode == 0, shown.stderr
    header, *rows = shown.stdout.splitlines()
    assert header.split() == ["NAME", "ENDED", "REASON", "HELD", "BY", "POD", "HOURS", "COST"]
    assert [row.split()[0] for row in rows] == ["first", "second", "third"]
    assert "its last run has succeeded" in rows[2] and rows[2].endswith("0.00        0.00 EUR"), rows[2]
    as_json = json.loads(command(kubernetes, "third", "-o", "json").stdout)
    assert [receipt["service"] for receipt in as_json] == ["third"]
    assert as_json[0]["claimByteSeconds"] == 0.0 and as_json[0]["cost"]["currency"] == "EUR"
    assert "NAMESPACE" in command(kubernetes, "-A").stdout
    assert "CLAIM GIB HOURS" in command(kubernetes, "-o", "wide").stdout


@pytest.mark.parametrize("permitted", [(), ("get",), ("get", "create")], ids=["nothing", "get", "get-create"])
def test_without_a_permission_the_service_ends_all_the_same(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path, permitted: tuple[str, ...]
) -> None:
    for verb in permitted:
        allow(kubernetes, verb, "configmaps")
    connector = start_connector(K8SDATASERVICE_SETTINGS=settings_of(tmp_path, keep=2))
    for name in ("one", "two"):
        connector.delete(connector.create(config(name, Replicas=0)))
    assert kubernetes.services() == nothing()
    assert kept(kubernetes) == []
    logged = [line for line in connector.log.read_text().splitlines() if "is not kept" in line]
    assert len(logged) == 1 and "configmaps" in logged[0], logged
    missing = next(verb for verb in ("get", "create", "patch") if verb not in permitted)
    assert f" {missing} " in logged[0], logged


def test_a_failed_service_that_a_poll_takes_down_leaves_its_receipt(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    for verb in ("create", "get", "patch"):
        allow(kubernetes, verb, "configmaps")
    kubernetes.apply(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "small"},
            "spec": {"limits": [{"type": "Container", "max": {"cpu": "1m"}}]},
        }
    )
    connector = start_connector(K8SDATASERVICE_SETTINGS=settings_of(tmp_path, keep=2))
    made = connector.create(config("foo"))
    assert connector.until_done(made).phase == TaskExecution.FAILED
    until_kept(kubernetes, "foo")
    assert [receipt["reason"] for receipt in kept(kubernetes)] == ["it has failed, LimitRangeRefused"]


def test_the_command_reports_receipts_that_it_may_not_see(kubernetes: Kubernetes, tmp_path: Path) -> None:
    give_role(kubernetes)
    account = Kubernetes(kubernetes.kubectl, kubeconfig_of_account(kubernetes, tmp_path), kubernetes.namespace)
    shown = command(account)
    assert shown.returncode == 0, shown.stderr
    assert "its receipts are not shown" in shown.stderr and "configmaps" in shown.stderr, shown.stderr
