"""`dataservice list` and `dataservice delete`, for a person who looks for services that were left behind."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from k8sdataservice._core import Client

from cluster.support.account import give_role
from cluster.support.configs import config
from cluster.support.connector import Connector, environment
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import foreign_stateful_set
from cluster.support.requests import requests_counted
from cluster.support.runs import SUCCEEDED, begin
from cluster.support.shared import Connectors

PROGRAM = str(Path(sys.executable).with_name("dataservice"))


@pytest.fixture
def connector(connectors_that_see_runs: Connectors, kubernetes: Kubernetes) -> Connector:
    """Returns a connector that watches runs, and that other tests use too."""
    give_role(kubernetes, beside=connectors_that_see_runs.namespace)
    return connectors_that_see_runs.get().in_namespace(kubernetes.namespace)


def call(kubernetes: Kubernetes, *options: str) -> subprocess.CompletedProcess[str]:
    variables = environment(kubernetes.kubeconfig, kubernetes.namespace)
    return subprocess.run([PROGRAM, *options], env=variables, capture_output=True, text=True, timeout=60, check=False)


def rows(text: str) -> list[list[str]]:
    """Returns the cells of a table, by two spaces or more."""
    return [re.split(r" {2,}", line) for line in text.splitlines()]


def test_a_list_shows_how_services_are_doing_who_holds_them_and_when_they_end(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    ended, live = begin(kubernetes), begin(kubernetes)
    connector.create(config("bound", Replicas=0, Lifetime="run"), live.execution)
    connector.create(config("persists", Replicas=0), ended.execution)
    connector.create(config("expires", Replicas=0, Lifetime={"ttl": "2h"}), ended.execution)
    ended.end(SUCCEEDED)
    assert call(kubernetes, "list", "-o", "name").stdout.split() == ["bound", "expires", "persists"]
    done = call(kubernetes, "list")
    assert done.returncode == 0, done.stderr
    header, *table = rows(done.stdout)
    assert header == ["NAME", "READY", "STATUS", "REASON", "AGE", "HELD BY", "ENDS"]
    assert [row[0] for row in table] == ["bound", "expires", "persists"]
    assert all(row[1] == "0/0" and re.fullmatch(r"\d+s", row[4]) for row in table), table
    assert [row[5] for row in table] == [live.name, "-", "-"]
    assert table[0][6] == "with runs" and re.fullmatch(r"in (119m|2h)", table[1][6]) and table[2][6] == "never"
    everywhere = rows(call(kubernetes, "list", "-A").stdout)
    assert everywhere[0][0] == "NAMESPACE"
    assert [row[1] for row in everywhere if row[0] == kubernetes.namespace] == ["bound", "expires", "persists"]


def test_a_list_for_programs_has_the_same_in_json_and_yaml(connector: Connector, kubernetes: Kubernetes) -> None:
    run = begin(kubernetes)
    connector.create(config("foo", Replicas=0, Lifetime="run"), run.execution)
    read = json.loads(call(kubernetes, "list", "-o", "json").stdout)
    assert read == yaml.safe_load(call(kubernetes, "list", "-o", "yaml").stdout)
    [service] = read
    assert (service["name"], service["namespace"]) == ("foo", kubernetes.namespace)
    assert service["heldBy"] == [run.name] and service["ends"] == "with its last run"
    assert run.execution.name in service["createdBy"]
    created = kubernetes.get("statefulset", "foo")
    assert created and service["created"] == created["metadata"]["creationTimestamp"]


def test_a_selector_selects_and_an_empty_list_says_where_it_looked(
    kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    where: dict[str, Any] = {"namespace": kubernetes.namespace, "owner": "o", "execution": "e"}
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    client.create_sync(config("foo", Replicas=0, Labels={"team": "ml"}), **where)
    client.create_sync(config("bar", Replicas=0), **where)
    kubernetes.apply(foreign_stateful_set("theirs"))
    assert call(kubernetes, "list", "-l", "team=ml", "-o", "name").stdout.split() == ["foo"]
    assert call(kubernetes, "list", "-o", "name").stdout.split() == ["bar", "foo"]
    done = call(kubernetes, "list", "-l", "team=other")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.strip() == f"No data services found in namespace {kubernetes.namespace}."
    done = call(kubernetes, "list", "-l", "team=in=valid")
    assert done.returncode == 1 and "found '=', expected" in done.stderr, done.stderr


@pytest.mark.usefixtures("real_pods")
def test_the_cause_of_a_service_that_does_not_start_is_in_the_list(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    connector.create(config("broken", Image="registry.invalid/none:1"))

    def reason() -> str | None:
        [service] = json.loads(call(kubernetes, "list", "-o", "json").stdout)
        return service["reason"] if "ImagePull" in service["message"] or "ErrImagePull" in service["message"] else None

    assert wait_until(reason, "the cause") in ("RegistryUnreachable", "ImageNotFound")
    wide = rows(call(kubernetes, "list", "-o", "wide").stdout)
    assert wide[0][-3:] == ["IMAGE", "CREATED BY", "MESSAGE"] and wide[1][-3] == "registry.invalid/none:1"


def test_a_watch_shows_changes_until_it_is_interrupted(connector: Connector, kubernetes: Kubernetes) -> None:
    connector.create(config("foo", Replicas=0))
    variables = environment(kubernetes.kubeconfig, kubernetes.namespace) | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([PROGRAM, "list", "-w"], env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(2)]
        assert lines[1].startswith("foo "), lines
        time.sleep(3)
        connector.create(config("bar", Replicas=0))
        assert process.stdout.readline().startswith("bar ")
        assert call(kubernetes, "delete", "bar").returncode == 0
        deleted = process.stdout.readline()
        assert deleted.startswith("bar ") and "Deleted" in deleted, deleted
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


@pytest.mark.serial
def test_the_requests_of_a_list_do_not_grow_with_the_services(
    connector: Connector, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(kubernetes)
    client = Client()

    def count() -> int:
        before = requests_counted(kubernetes)
        client.list_sync(namespace=kubernetes.namespace)
        after = requests_counted(kubernetes)
        kinds = ("statefulsets", "pods", "events", "flyteworkflows")
        return sum(after[key] - before[key] for key in after if key[1] in kinds and key[0] in ("GET", "LIST"))

    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    for number in range(10):
        connector.create(config(f"foo-{number}", Replicas=0), run.execution)
    # Other tests send requests, too, so that only some of the counts are of this list alone.
    wait_until(lambda: count() <= 4, "a list with one request for each kind", 30)
    assert len(client.list_sync(namespace=kubernetes.namespace).services) == 10


def test_a_person_deletes_what_nobody_uses(connector: Connector, kubernetes: Kubernetes) -> None:
    ended, live = begin(kubernetes), begin(kubernetes)
    connector.create(config("unused", Replicas=0), ended.execution)
    connector.create(config("used", Replicas=0, Lifetime="run"), live.execution)
    kubernetes.apply(foreign_stateful_set("theirs"))
    ended.end(SUCCEEDED)
    namespace = kubernetes.namespace
    done = call(kubernetes, "delete", "unused", "--dry-run")
    assert done.stdout.strip() == f"Data service unused in namespace {namespace} would be deleted.", done.stderr
    done = call(kubernetes, "delete", "unused")
    assert done.stdout.strip() == f"Data service unused in namespace {namespace} is deleted.", done.stderr
    done = call(kubernetes, "delete", "unused")
    assert done.returncode == 1
    assert done.stderr.strip() == f"Data service unused does not exist in namespace {namespace}."
    done = call(kubernetes, "delete", "used")
    assert done.returncode == 1 and f"is used by {live.name}. To delete it" in " ".join(done.stderr.split())
    done = call(kubernetes, "delete", "theirs")
    assert done.returncode == 1 and "was not made by a data service task" in " ".join(done.stderr.split()), done.stderr
    assert kubernetes.names("statefulsets") == ["theirs", "used"]
    done = call(kubernetes, "delete", "used", "--force")
    assert done.returncode == 0, done.stderr
    assert kubernetes.names("statefulsets") == ["theirs"]


def test_a_delete_names_the_namespace_where_the_service_is(connector: Connector, kubernetes: Kubernetes) -> None:
    name = f"x{kubernetes.namespace[-6:]}"
    connector.create(config(name, Replicas=0))
    done = call(kubernetes, "delete", name, "-n", "default")
    assert done.returncode == 1
    assert f"It exists in {kubernetes.namespace}: add -n." in " ".join(done.stderr.split()), done.stderr
