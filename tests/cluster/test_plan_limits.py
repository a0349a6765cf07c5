"""Plans of clusters that are slow, large or closed: a check that fails is a note, and never the end of a plan."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import UnavailableError
from k8sdataservice._core import Client, Plan

from cluster.support.account import give_role, kubeconfig_of_account
from cluster.support.answers import Choice, ChoosingProxy
from cluster.support.configs import config
from cluster.support.faults.api_server import Answer, ApiServer
from cluster.support.faults.exchange import Exchange
from cluster.support.faults.proxy import Strike
from cluster.support.faults.strikes import half_a_reply, internal_error, lost_request, unavailable
from cluster.support.kubernetes import Kubernetes
from cluster.support.plan_cases.doomed import SECRET
from cluster.support.plans import reported
from cluster.support.shared import Cluster

#: How long a plan of these tests may take, in seconds; people wait longer.
PATIENCE = 2.0

#: Requests that a plan can do without: the path of each, and what is said when it fails.
OPTIONAL = {
    "nodes": (r"/api/v1/nodes$", "whether the nodes have room for the pods"),
    "pods": (r"/api/v1/pods$", "whether the nodes have room for the pods"),
    "quotas": (r"/resourcequotas$", "have room for all pods"),
    "a Secret": (r"/secrets/databse$", "whether Secret databse exists, which EnvFrom[0].secretRef.name names"),
    "the first pod": (r"/namespaces/[^/]+/pods$", "whether Kubernetes accepts Pod foo-0"),
    "the Service": (r"POST .*/services$", "whether Kubernetes accepts Service foo"),
}


def hangs(exchange: Exchange) -> None:
    """The API server never answers: no one waits for as long as this."""
    time.sleep(4 * PATIENCE)


def broken(exchange: Exchange) -> None:
    """Something between answers with what is no JSON."""
    exchange.reply(Answer(200, [("Content-Type", "application/json")], b"<html>"))


def refused(exchange: Exchange) -> None:
    """The API server refuses for a reason that is neither a permission nor temporary."""
    exchange.refuse(410, "Expired", "The provided continue parameter is too old")


@pytest.fixture
def through(
    shared_kubernetes: Kubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Choice], ChoosingProxy]]:
    """Returns a function that leads the process's clients through a proxy."""
    proxies = []

    def through(choose: Choice) -> ChoosingProxy:
        proxy = ChoosingProxy(ApiServer(shared_kubernetes, tmp_path), choose)
        proxies.append(proxy)
        monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig(tmp_path)))
        return proxy

    yield through
    for proxy in proxies:
        proxy.close()


def struck(pattern: str, strike: Strike) -> Choice:
    """Returns the choice of a strike for requests whose method and path match."""

    def choose(exchange: Exchange) -> Strike | None:
        request = f"{exchange.method} {exchange.target.partition('?')[0]}"
        return strike if re.search(pattern, request) else None

    return choose


def planned(kubernetes: Kubernetes, name: str = "foo", **fields: Any) -> tuple[Plan, float]:
    """Returns a plan of a client of its own, and how many seconds it took."""
    client, wire = Client(), config(name, **fields)
    began = time.monotonic()
    plan = client.plan_sync(wire, namespace=kubernetes.namespace, owner="a-plan", execution="a plan", timeout=PATIENCE)
    return plan, time.monotonic() - began


#: Every optional request that hangs or is broken, and everything that can happen to one of them.
FAILURES = [(what, strike) for what in OPTIONAL for strike in (hangs, broken)] + [
    ("pods", strike) for strike in (unavailable, internal_error, half_a_reply, lost_request, refused)
]


@pytest.mark.parametrize(("what", "strike"), FAILURES)
def test_a_check_that_fails_is_a_note(
    shared_kubernetes: Kubernetes, through: Callable[[Choice], ChoosingProxy], what: str, strike: Strike
) -> None:
    pattern, words = OPTIONAL[what]
    kubernetes = shared_kubernetes
    kubernetes.apply(SECRET)
    proxy = through(struck(pattern, strike))
    plan, seconds = planned(kubernetes, EnvFrom=[{"secretRef": {"name": "databse"}}])
    assert seconds < PATIENCE + 0.5
    [note] = [note for note in plan.notes if words in note]
    assert note.startswith("Not checked: "), note
    assert "  " not in note and " ." not in note, "no name is empty"
    assert plan.action == "create" and [each["kind"] for each in plan.objects] == ["StatefulSet", "Service"]
    # All else is checked as ever.
    assert plan.checked and (what == "a Secret") == plan.ok, plan.problems
    assert len(plan.notes) == 1
    assert any(re.search(pattern, request.partition("?")[0]) for request in proxy.requests)


@pytest.mark.parametrize("strike", [hangs, unavailable, broken])
def test_a_hint_that_cannot_be_had_is_left_out(
    kubernetes: Kubernetes, through: Callable[[Choice], ChoosingProxy], strike: Strike
) -> None:
    kubernetes.apply(SECRET)
    fields: dict[str, Any] = {"EnvFrom": [{"secretRef": {"name": "databse"}}]}
    through(lambda _: None)
    assert "did you mean `database`?" in reported(planned(kubernetes, **fields)[0])["EnvFrom[0].secretRef.name"]
    through(struck(r"GET .*/secrets$", strike))
    plan, _ = planned(kubernetes, **fields)
    message = reported(plan)["EnvFrom[0].secretRef.name"]
    assert "does not exist" in message and "nearest" not in message
    assert plan.notes == []


def test_without_an_answer_about_the_statefulset_there_is_no_plan(
    kubernetes: Kubernetes, through: Callable[[Choice], ChoosingProxy]
) -> None:
    through(struck(r"POST .*/statefulsets$", hangs))
    with pytest.raises(
        UnavailableError, match=rf"Could not create StatefulSet foo in namespace {kubernetes.namespace}"
    ):
        planned(kubernetes)


def test_nodes_and_pods_are_read_in_pages(kubernetes: Kubernetes, through: Callable[[Choice], ChoosingProxy]) -> None:
    pods = [gated_pod(f"pod-{number}") for number in range(5)]
    kubernetes.apply(*pods)

    def shorten(exchange: Exchange) -> Strike | None:
        exchange.target = re.sub(r"limit=\d+", "limit=2", exchange.target)
        return None

    proxy = through(shorten)
    plan, _ = planned(kubernetes)
    assert plan.fit and plan.ok, (plan.notes, plan.problems)
    lists = [request for request in proxy.requests if re.match(r"GET /api/v1/(nodes|pods)\?", request)]
    assert all("limit=500" in request for request in lists), lists
    assert sum("/pods" in request and "continue=" in request for request in lists) >= 2, lists


def gated_pod(name: str) -> dict[str, object]:
    """Returns a pod that the scheduler leaves alone."""
    container = {"name": "c", "image": "busybox:latest"}
    spec = {"containers": [container], "schedulingGates": [{"name": "example.com/never"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(("kind", "number"), [("nodes", 5_000), ("pods", 150_000)])
def test_of_a_very_large_cluster_it_is_said_early_that_room_is_not_checked(
    kubernetes: Kubernetes, through: Callable[[Choice], ChoosingProxy], kind: str, number: int
) -> None:
    def enlarge(exchange: Exchange) -> None:
        answer = exchange.act()
        content = answer.content
        content["metadata"] |= {"remainingItemCount": number, "continue": "more"}
        exchange.reply(Answer(answer.code, answer.headers, json.dumps(content).encode()))

    proxy = through(struck(rf"GET /api/v1/{kind}$", enlarge))
    plan, _ = planned(kubernetes)
    [note] = plan.notes
    assert re.fullmatch(
        r"Not checked: whether the nodes have room for the pods\. The cluster is too large to look at all of it: it "
        rf"has more than \d+ {kind}\.",
        note,
    )
    assert plan.ok and plan.fit is None
    assert sum(f"GET /api/v1/{kind}?" in request for request in proxy.requests) == 1


def test_a_plan_for_which_nothing_could_be_checked_is_not_ok(
    kubernetes: Kubernetes, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_role(kubernetes, None)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of_account(kubernetes, tmp_path)))
    for fields in ({}, {"EnvFrom": [{"secretRef": {"name": "x"}}]}, {"ExistingReleaseName": "there", "Name": None}):
        plan, _ = planned(kubernetes, **fields)
        assert plan.problems == [] and not plan.checked and not plan.ok
        assert plan.notes
    (tmp_path / "workflows.py").write_text(
        "from flytekitplugins_k8sdataservice import DataServiceConfig\n"
        "foo = DataServiceConfig(Name='foo', Image='busybox')\n"
    )
    command = [sys.executable, "-m", "flytekitplugins_k8sdataservice", "plan", f"{tmp_path}/workflows.py:foo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert "Nothing could be checked" in done.stderr
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    assert planned(kubernetes)[0].ok
