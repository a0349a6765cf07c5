"""Changing a service that runs: what changes, what stays, and who may."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import (
    ConflictError,
    DataServiceError,
    NotFoundError,
    NotOwnedError,
    Updated,
    update,
)
from k8sdataservice._core import Client
from k8sdataservice.default_client import default_client

from cluster.support.account import allow
from cluster.support.configs import config, web_server
from cluster.support.connector import Connector, Execution
from cluster.support.kubernetes import IMAGE, Kubernetes, Object, wait_until
from cluster.support.objects import foreign_service, foreign_stateful_set

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(autouse=True)
def patching(here: None, kubernetes: Kubernetes) -> Iterator[None]:
    """Gives the account what an update needs, and the process a client of this test's cluster."""
    rule = {"apiGroups": ["apps", ""], "resources": ["statefulsets", "services"], "verbs": ["patch"]}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "update"},
        "rules": [rule],
    }
    kubernetes.apply(role)
    accounts = kubernetes.objects("rolebindings")
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "update"}
    kubernetes.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "update"},
            "roleRef": reference,
            "subjects": accounts[0]["subjects"],
        }
    )
    default_client.cache_clear()
    yield
    default_client.cache_clear()


def make(kubernetes: Kubernetes, wanted: dict[str, Any], ready: bool = True) -> str:
    """Makes a service of the owner `me`, and returns the uid of its StatefulSet."""
    core = Client(timeout=15)
    made = core.create_sync(
        wanted, namespace=kubernetes.namespace, owner="me", execution="a test", labels={"run": "r1"}
    )
    if ready:
        assert core.wait_sync(made.name, namespace=kubernetes.namespace, timeout=60).phase == "Ready"
    return str(made.uid)


def change(wanted: dict[str, Any], **options: Any) -> Updated:
    settings: dict[str, Any] = {"owner": "me", "wait": 240} | options
    return update(wanted, **settings)


def stateful_set(kubernetes: Kubernetes) -> Object:
    found = kubernetes.get("statefulset", "foo")
    assert found
    return found


def versions(kubernetes: Kubernetes) -> list[str]:
    wait_until(lambda: kubernetes.has_seen("foo"), "Kubernetes to have seen the StatefulSet")
    found = [kubernetes.get(kind, "foo") for kind in ("statefulset", "service")]
    return [str(each["metadata"]["resourceVersion"]) for each in found if each]


def says(word: str) -> list[str]:
    return ["sh", "-c", web_server(word)]


def test_a_change_is_reported_and_what_is_said_no_more_goes_and_what_others_wrote_stays(kubernetes: Kubernetes) -> None:
    template = {"spec": {"nodeSelector": {"disk": "fast"}, "containers": [{"name": "primary", "stdin": True}]}}
    uid = make(kubernetes, config("foo", Replicas=0, PodTemplate=template), ready=False)
    for kind in ("statefulset", "service"):
        kubernetes.run("annotate", kind, "foo", "example.org/note=theirs")
    patch = {"spec": {"template": {"metadata": {"labels": {"injected": "yes"}}}}}
    kubernetes.run("patch", "statefulset", "foo", "--type", "merge", "--patch", json.dumps(patch))
    before = stateful_set(kubernetes)
    updated = change(config("foo", Replicas=0, Command=None, Port=40001))
    reported = ["Command is gone", "NodeSelector is gone", "PodTemplate.stdin is gone", "Port 40000 -> 40001"]
    assert updated.changes == reported
    assert updated.ready
    after = stateful_set(kubernetes)
    pod = after["spec"]["template"]["spec"]
    assert "nodeSelector" not in pod
    assert "command" not in pod["containers"][0]
    assert pod["containers"][0].get("stdin", False) is False
    assert [port["containerPort"] for port in pod["containers"][0]["ports"]] == [40001]
    service = kubernetes.get("service", "foo")
    assert service
    assert [port["port"] for port in service["spec"]["ports"]] == [40001]
    assert service["spec"]["clusterIP"] == "None"
    for each in (after, service):
        assert each["metadata"]["annotations"]["example.org/note"] == "theirs"
        assert each["metadata"]["labels"]["run"] == "r1"
        assert each["metadata"]["annotations"]["k8sdataservice.flyte.org/owner"] == "me"
    assert after["spec"]["template"]["metadata"]["labels"]["injected"] == "yes"
    assert after["metadata"]["uid"] == uid
    keys = ("revisionHistoryLimit", "updateStrategy", "podManagementPolicy", "selector", "serviceName")
    assert {key: after["spec"].get(key) for key in keys} == {key: before["spec"].get(key) for key in keys}
    # A second change takes back what the first one said.
    assert change(config("foo", Replicas=0, Command=None)).changes == ["Port 40001 -> 40000"]


def test_a_budget_a_network_policy_and_labels_come_change_and_go(kubernetes: Kubernetes) -> None:
    for kind in ("poddisruptionbudgets.policy", "networkpolicies.networking.k8s.io"):
        for verb in ("create", "get", "patch", "delete"):
            allow(kubernetes, verb, kind)
    uid = make(kubernetes, config("foo", Replicas=0), ready=False)
    budget = {"maxUnavailable": 1}
    labels = {"team": "graph", "stage": "test"}
    change(config("foo", Replicas=0, PodDisruptionBudget=budget, NetworkPolicy=True, Labels=labels))
    for kind in ("poddisruptionbudget", "networkpolicy", "service", "statefulset"):
        metadata = (kubernetes.get(kind, "foo") or {})["metadata"]
        assert {"team": "graph", "stage": "test"}.items() <= metadata["labels"].items(), kind
        if kind != "statefulset":
            assert metadata["ownerReferences"][0]["uid"] == uid, kind
    policies = kubernetes.get("networkpolicy", "foo")
    updated = change(config("foo", Replicas=0, PodDisruptionBudget={"maxUnavailable": 2}, Labels={"team": "store"}))
    assert policies and not kubernetes.names("networkpolicies")
    assert (kubernetes.get("poddisruptionbudget", "foo") or {})["spec"]["maxUnavailable"] == 2
    assert "Labels.stage is gone" in updated.changes and "Labels.team has changed" in updated.changes
    for kind in ("poddisruptionbudget", "service", "statefulset"):
        of_object = (kubernetes.get(kind, "foo") or {})["metadata"]["labels"]
        assert (of_object["team"], "stage" in of_object) == ("store", False), kind
    of_pods = stateful_set(kubernetes)["spec"]["template"]["metadata"]["labels"]
    assert (of_pods["team"], "stage" in of_pods) == ("store", False)
    before = [*versions(kubernetes), str((kubernetes.get("poddisruptionbudget", "foo") or {})["metadata"])]
    change(config("foo", Replicas=0, PodDisruptionBudget={"maxUnavailable": 2}, Labels={"team": "store"}))
    after = [*versions(kubernetes), str((kubernetes.get("poddisruptionbudget", "foo") or {})["metadata"])]
    assert before == after
    change(config("foo", Replicas=0))
    assert not kubernetes.names("poddisruptionbudgets")


def test_an_update_without_changes_writes_nothing(kubernetes: Kubernetes) -> None:
    wanted = config("foo", Replicas=0, Requests={"cpu": "0.5", "mem": "1024Mi"}, Limits={"cpu": "500m", "mem": "1Gi"})
    make(kubernetes, wanted)
    before = versions(kubernetes)
    updated = change(wanted)
    assert (updated.changes, updated.message) == ([], "Data service foo is already up to date.")
    assert versions(kubernetes) == before
    change(wanted | {"Port": 5})
    change(wanted)
    before = versions(kubernetes)
    assert change(wanted).changes == []
    assert versions(kubernetes) == before


def test_an_update_reverts_the_changes_of_others_to_our_fields(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=0))
    kubernetes.run("set", "image", "statefulset/foo", "foo=busybox:theirs")
    assert change(config("foo", Replicas=0)).changes == [f"Image busybox:theirs -> {IMAGE}"]


@pytest.mark.usefixtures("real_pods")
def test_a_service_is_scaled_up_and_down_and_its_new_revision_answers(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=1, Command=says("old")))
    reported: list[str] = []
    updated = change(config("foo", Replicas=2, Command=says("new")), tell=reported.append)
    assert updated.changes == ["Command has changed", "Replicas 1 -> 2"]
    assert reported[0].startswith(
        "Data service foo is changed: Command has changed, Replicas 1 -> 2. Its pods are replaced"
    )
    assert reported[-1] == "StatefulSet foo is ready with 2 pods."
    answers = kubernetes.in_a_pod("wget -qO- http://foo-0.foo:40000/; wget -qO- http://foo-1.foo:40000/")
    assert answers.split() == ["new", "new"]
    assert change(config("foo", Replicas=1, Command=says("new"))).changes == ["Replicas 2 -> 1"]
    assert kubernetes.names("pods") and "foo-1" not in kubernetes.names("pods")
    assert "GE_COUNT=2" in kubernetes.run("exec", "foo-0", "--", "env"), "it was not restarted"


@pytest.mark.usefixtures("real_pods")
def test_a_bad_image_is_reported_leaves_the_other_pods_and_can_be_taken_back(kubernetes: Kubernetes) -> None:
    quick = {"Command": ["sh", "-c", "trap exit TERM; while true; do sleep 0.1; done"], "Replicas": 2}
    make(kubernetes, config("foo", **quick))
    with pytest.raises(DataServiceError, match="foo-1") as raised:
        change(config("foo", **quick, Image="Not_An_Image"))
    assert raised.value.reason == "ImageNameInvalid"
    pod = kubernetes.get("pod", "foo-0")
    assert pod and pod["spec"]["containers"][0]["image"] == IMAGE
    # Nobody has to delete the broken pod, and its fault is not reported for the new revision.
    assert change(config("foo", **quick)).changes == [f"Image Not_An_Image -> {IMAGE}"]
    mended = kubernetes.get("pod", "foo-1")
    assert mended and mended["spec"]["containers"][0]["image"] == IMAGE


def test_another_owners_service_is_left_alone_unless_it_is_taken_over(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=0))
    before = versions(kubernetes)
    with pytest.raises(ConflictError, match=r"was not changed: it belongs to a test\. .*adopt=True") as raised:
        change(config("foo", Replicas=1), owner="you", wait=0)
    assert raised.value.reason == "OwnedByAnother"
    assert versions(kubernetes) == before
    template = stateful_set(kubernetes)["spec"]["template"]
    updated = change(config("foo", Replicas=0), owner="you", adopt=True)
    assert updated.adopted_from == "a test"
    assert updated.message == "Data service foo is taken over; it belonged to a test."
    assert stateful_set(kubernetes)["spec"]["template"] == template, "no pod is replaced for it"
    core = Client()
    assert core.delete_sync("foo", namespace=kubernetes.namespace, owner="me").outcome == "LeftAlone"
    assert change(config("foo", Replicas=0), owner="you").adopted_from is None
    assert core.delete_sync("foo", namespace=kubernetes.namespace, owner="you").outcome == "Gone"


def test_objects_of_others_are_never_touched(kubernetes: Kubernetes) -> None:
    kubernetes.apply(foreign_stateful_set("foo"), foreign_service("foo"))
    before = versions(kubernetes)
    for adopt in (False, True):
        with pytest.raises(NotOwnedError, match="was not made by a data service task"):
            change(config("foo"), adopt=adopt)
    assert versions(kubernetes) == before


def test_an_update_creates_no_missing_service(kubernetes: Kubernetes) -> None:
    with pytest.raises(NotFoundError, match=r"StatefulSet foo .* does not exist\. Run its DataServiceTask"):
        change(config("foo"))
    assert kubernetes.services() == {"statefulsets": [], "services": []}


def test_the_service_of_the_plugin_before_version_2_is_taken_over(kubernetes: Kubernetes) -> None:
    labels = {"app": "service-name", "app.kubernetes.io/instance": "foo"}
    kubernetes.create(foreign_stateful_set("foo", labels), foreign_service("foo", labels))
    with pytest.raises(ConflictError, match="a data service task of this plugin before version 2"):
        change(config("foo", Replicas=0))
    updated = change(config("foo", Replicas=0, Command=None), adopt=True)
    assert updated.adopted_from == "a data service task of this plugin before version 2"
    after, service = stateful_set(kubernetes), kubernetes.get("service", "foo")
    # Its container was called `c`.
    assert [each["name"] for each in after["spec"]["template"]["spec"]["containers"]] == ["foo"]
    assert after["spec"]["podManagementPolicy"] == "OrderedReady"
    assert service and service["spec"]["clusterIP"] == "None"
    assert service["metadata"]["ownerReferences"][0]["uid"] == after["metadata"]["uid"]
    assert Client().delete_sync("foo", namespace=kubernetes.namespace, owner="me").outcome == "Gone"


def test_immutable_fields_are_reported_with_what_to_do(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=0))
    old = stateful_set(kubernetes)
    kubernetes.run("delete", "statefulset", "foo", "--cascade=orphan")
    old["spec"]["serviceName"] = "other"
    old["metadata"] = {key: old["metadata"][key] for key in ("name", "labels", "annotations")}
    kubernetes.apply(old)
    before = versions(kubernetes)
    words = (
        r"Kubernetes does not change the name of its Service of an existing StatefulSet\. "
        r".*CleanupSensor.*create it again"
    )
    with pytest.raises(ConflictError, match=words) as raised:
        change(config("foo", Replicas=0, Port=5))
    assert raised.value.reason == "Immutable"
    assert versions(kubernetes) == before


def test_a_service_that_is_being_deleted_is_not_changed(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=0))
    kubernetes.run("patch", "statefulset", "foo", "--type", "merge", "--patch", '{"metadata":{"finalizers":["a.b/c"]}}')
    kubernetes.run("delete", "statefulset", "foo", "--wait=false")
    with pytest.raises(ConflictError, match=r"it is being deleted\. Create it again once it is deleted\.") as raised:
        change(config("foo", Replicas=1))
    assert raised.value.reason == "Terminating"
    kubernetes.run("patch", "statefulset", "foo", "--type", "merge", "--patch", '{"metadata":{"finalizers":null}}')


async def test_of_updates_at_the_same_time_one_is_carried_out_as_a_whole(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=0))
    core = Client(timeout=20)

    async def to(port: int) -> None:
        wanted = config("foo", Replicas=0, Port=port)
        await core.update(wanted, namespace=kubernetes.namespace, owner="me", execution="a test")

    await asyncio.gather(*(to(port) for port in range(5001, 5006)))
    after, service = stateful_set(kubernetes), kubernetes.get("service", "foo")
    assert service
    ports = [port["containerPort"] for port in after["spec"]["template"]["spec"]["containers"][0]["ports"]]
    assert ports == [port["port"] for port in service["spec"]["ports"]]
    hashes = {each["metadata"]["annotations"]["k8sdataservice.flyte.org/spec-hash"] for each in (after, service)}
    assert len(ports) == len(hashes) == 1


def test_an_update_never_returns_the_earlier_state(kubernetes: Kubernetes) -> None:
    uid = make(kubernetes, config("foo", Replicas=0))
    core = Client(timeout=10)
    place: dict[str, Any] = {"namespace": kubernetes.namespace, "uid": uid}
    wait_until(lambda: core.get_sync("foo", **place) and core.get_known("foo", **place), "the watch to tell")
    impossible = {"cpu": "1000000", "mem": "16Mi"}
    for count in range(1, 21):
        wanted = config("foo", Replicas=count % 2, Requests=impossible, Limits=impossible)
        core.update_sync(wanted, namespace=kubernetes.namespace, owner="me", execution="a test")
        status = core.get_known("foo", **place) or core.get_sync("foo", **place)
        assert status.wanted == count % 2
        assert count % 2 == 0 or status.phase != "Ready"


def test_a_task_of_the_same_execution_may_change_it_and_one_of_another_may_not(
    connector: Connector, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = Execution()
    resource_meta = connector.create(config("foo", Replicas=0), execution)
    connector.until_done(resource_meta)
    owner = stateful_set(kubernetes)["metadata"]["annotations"]
    for part, value in {"PROJECT": "flytesnacks", "DOMAIN": "development", "ID": "another"}.items():
        monkeypatch.setenv(f"FLYTE_INTERNAL_EXECUTION_{part}", value)
    with pytest.raises(ConflictError, match=f"it belongs to execution {execution.name} of project flytesnacks"):
        update(config("foo", Replicas=0, Port=5))
    monkeypatch.setenv("FLYTE_INTERNAL_EXECUTION_ID", execution.name)
    assert update(config("foo", Replicas=0, Port=5)).changes == ["Port 40000 -> 5"]
    after = stateful_set(kubernetes)["metadata"]
    for key in ("owner", "execution"):
        assert after["annotations"][f"k8sdataservice.flyte.org/{key}"] == owner[f"k8sdataservice.flyte.org/{key}"]
    assert after["annotations"]["team"] == "ml"
    assert after["labels"]["execution-id"] == execution.name
    connector.delete(resource_meta)
    assert kubernetes.services() == {"statefulsets": [], "services": []}


def test_a_kept_service_that_is_changed_stays(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=0))
    core = Client()
    assert core.keep_sync("foo", namespace=kubernetes.namespace, owner="me", seconds=3600)
    assert change(config("foo", Replicas=0)).changes == []
    assert "k8sdataservice.flyte.org/delete-after" not in stateful_set(kubernetes)["metadata"]["annotations"]


def test_on_delete_is_reported(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=0))
    patch = {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}}
    kubernetes.run("patch", "statefulset", "foo", "--type", "merge", "--patch", json.dumps(patch))
    started = time.monotonic()
    assert (
        "By its UpdateStrategy OnDelete each pod changes when it is deleted"
        in change(config("foo", Replicas=0, Port=5)).message
    )
    assert time.monotonic() - started < 30
