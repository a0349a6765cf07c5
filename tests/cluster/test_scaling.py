"""Scaling a service that runs: pods that stay are not restarted, and a number that others have set stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import DataServiceError, Updated, endpoints, update
from k8sdataservice._core import Client
from k8sdataservice.default_client import default_client

from cluster.support.account import allow
from cluster.support.api import path
from cluster.support.configs import STAND, config
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.webhook import webhook_that_changes

pytestmark = pytest.mark.usefixtures("here")

#: How Kubernetes notes what this package has written.
MANAGER = "flytekitplugins-k8sdataservice"


@pytest.fixture(autouse=True)
def patching(here: None, kubernetes: Kubernetes) -> None:
    """Gives the account what an update needs, and the process a client of this test's cluster."""
    allow(kubernetes, "patch", "statefulsets.apps")
    allow(kubernetes, "patch", "services")
    default_client.cache_clear()


def engine(replicas: int, **fields: Any) -> Object:
    return config("foo", Replicas=replicas, Command=["sh", "-c", STAND], MinReadySeconds=1, **fields)


def make(kubernetes: Kubernetes, wanted: Object, ready: bool = True) -> None:
    core = Client(timeout=15)
    core.create_sync(wanted, namespace=kubernetes.namespace, owner="me", execution="a test")
    if ready:
        assert core.wait_sync("foo", namespace=kubernetes.namespace, timeout=120).phase == "Ready"


def change(wanted: Object, **options: Any) -> Updated:
    settings: dict[str, Any] = {"owner": "me", "wait": 120} | options
    return update(wanted, **settings)


def stateful_set(kubernetes: Kubernetes) -> Object:
    return kubernetes.request("GET", path("statefulset", kubernetes.namespace, "foo"))


def runs(kubernetes: Kubernetes) -> dict[str, tuple[str, str]]:
    """Returns the uid of each pod, and since when its container runs."""
    pods = kubernetes.objects("pods")
    started = {}
    for pod in pods:
        if "deletionTimestamp" not in pod["metadata"]:
            state = pod["status"]["containerStatuses"][0]["state"]
            started[pod["metadata"]["name"]] = (pod["metadata"]["uid"], state["running"]["startedAt"])
    return started


def count(kubernetes: Kubernetes, pod: str) -> str:
    return kubernetes.run("exec", pod, "--", "sh", "-c", "echo $GE_COUNT").strip()


def version_2_0(kubernetes: Kubernetes) -> None:
    """Replaces the service by one as version 2.0 created it: its objects select by the name alone."""
    for kind, at in (("statefulset", "matchLabels"), ("service", None)):
        found = kubernetes.get(kind, "foo")
        assert found
        kubernetes.run("delete", kind, "foo", "--cascade=orphan")
        selector = {"app.kubernetes.io/instance": "foo"}
        found["spec"]["selector"] = {at: selector} if at else selector
        found["metadata"] = {key: found["metadata"][key] for key in ("name", "labels", "annotations")}
        found.pop("status", None)
        for key in ("clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            found["spec"].pop(key, None)
        if kind == "service":
            owner = stateful_set(kubernetes)["metadata"]
            found["metadata"]["ownerReferences"] = [
                {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "foo", "uid": owner["uid"]}
            ]
        options = ["--field-manager", MANAGER, "--filename", "-"]
        kubernetes.run("create", *options, input=json.dumps(found))


@pytest.mark.long
@pytest.mark.usefixtures("real_pods")
def test_pods_that_stay_are_not_restarted_and_new_ones_find_the_new_number(kubernetes: Kubernetes) -> None:
    make(kubernetes, engine(2))
    before = runs(kubernetes)
    updated = change(engine(4))
    assert updated.changes == ["Replicas 2 -> 4"]
    assert "Running pods are not restarted" in updated.message
    after = runs(kubernetes)
    assert sorted(after) == ["foo-0", "foo-1", "foo-2", "foo-3"]
    assert {name: after[name] for name in before} == before
    assert [count(kubernetes, pod) for pod in ("foo-0", "foo-2", "foo-3")] == ["2", "4", "4"]
    assert len(endpoints("foo").hostnames) == 4
    versions = written(kubernetes)
    assert change(engine(4)).changes == []
    assert written(kubernetes) == versions
    # A pod that starts again finds the new number, too.
    kubernetes.run("delete", "pod", "foo-0", "--grace-period", "1")
    status = Client().wait_sync("foo", namespace=kubernetes.namespace, timeout=60)
    wait_until(lambda: runs(kubernetes).get("foo-0", before["foo-0"]) != before["foo-0"], "another foo-0")
    wait_until(lambda: Client().get_sync("foo", namespace=kubernetes.namespace).phase == "Ready", status.message)
    assert count(kubernetes, "foo-0") == "4"
    after = runs(kubernetes)
    assert change(engine(3)).changes == ["Replicas 4 -> 3"]
    less = runs(kubernetes)
    assert less == {name: after[name] for name in ("foo-0", "foo-1", "foo-2")}
    # A change of the pods replaces all of them, and puts the update strategy back.
    updated = change(engine(3, Env={"MODE": "fast"}))
    assert updated.changes == ["Env.MODE is new"]
    assert "Its pods are replaced" in updated.message
    assert not set(runs(kubernetes).values()) & set(less.values())
    assert [count(kubernetes, f"foo-{ordinal}") for ordinal in range(3)] == ["3", "3", "3"]
    assert stateful_set(kubernetes)["spec"]["updateStrategy"]["type"] == "RollingUpdate"
    # And again, now that the API server has filled in the strategy.
    after = runs(kubernetes)
    change(engine(4, Env={"MODE": "fast"}))
    assert {name: run for name, run in runs(kubernetes).items() if name in after} == after


@pytest.mark.usefixtures("real_pods")
def test_a_service_of_version_2_0_is_scaled_without_a_restart(kubernetes: Kubernetes) -> None:
    make(kubernetes, engine(2))
    version_2_0(kubernetes)
    assert Client(timeout=15).wait_sync("foo", namespace=kubernetes.namespace, timeout=120).phase == "Ready"
    before = runs(kubernetes)
    selector = stateful_set(kubernetes)["spec"]["selector"]
    assert change(engine(3)).changes == ["Replicas 2 -> 3"]
    after = runs(kubernetes)
    assert {name: after[name] for name in before} == before
    assert count(kubernetes, "foo-2") == "3"
    # Fields that Kubernetes does not change stay, and the others are renewed.
    assert (
        stateful_set(kubernetes)["spec"]["selector"]
        == selector
        == {"matchLabels": {"app.kubernetes.io/instance": "foo"}}
    )
    assert (kubernetes.get("service", "foo") or {})["spec"]["selector"]["app.kubernetes.io/managed-by"] == MANAGER


@pytest.mark.usefixtures("real_pods")
def test_a_rollout_that_is_under_way_goes_on(kubernetes: Kubernetes) -> None:
    make(kubernetes, engine(2))
    change(engine(2, Env={"MODE": "fast"}), wait=0)
    change(engine(3, Env={"MODE": "fast"}))
    for pod in ("foo-0", "foo-1", "foo-2"):
        assert kubernetes.run("exec", pod, "--", "sh", "-c", "echo $MODE") == "fast\n"


def scale(kubernetes: Kubernetes, replicas: int) -> None:
    kubernetes.run("scale", "statefulset", "foo", "--replicas", str(replicas))


def numbers(kubernetes: Kubernetes) -> tuple[int, str | None]:
    """Returns how many pods there are to be, and the number that new ones find."""
    spec = stateful_set(kubernetes)["spec"]
    env = spec["template"]["spec"]["containers"][0]["env"]
    return spec["replicas"], next((each.get("value") for each in env if each["name"] == "GE_COUNT"), None)


def test_a_number_that_others_have_set_stays_until_the_configuration_changes_it(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=0))
    scale(kubernetes, 2)
    before = written(kubernetes)
    updated = change(config("foo", Replicas=0), wait=0)
    assert updated.changes == []
    assert "It stays at 2 pods, the number that kubectl has set; the configuration says 0" in updated.message
    assert "kubectl scale statefulset foo" in updated.message
    assert numbers(kubernetes) == (2, "0")
    assert written(kubernetes) == before
    # The pods are replaced for something else, and find the number that there is.
    for port in (5, 6):
        updated = change(config("foo", Replicas=0, Port=port), wait=0)
        assert "Replicas" not in " ".join(updated.changes)
        assert "It stays at 2 pods" in updated.message
        assert numbers(kubernetes) == (2, "2")
    scale(kubernetes, 1)
    assert change(config("foo", Replicas=0, Port=6), wait=0).changes == []
    assert numbers(kubernetes) == (1, "2")
    owners = [
        entry["manager"]
        for entry in stateful_set(kubernetes)["metadata"]["managedFields"]
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
    ]
    assert MANAGER not in owners
    assert change(config("foo", Replicas=3, Port=6), wait=0).changes == ["Replicas 1 -> 3"]
    assert numbers(kubernetes) == (3, "3")
    updated = change(config("foo", Replicas=0, Port=6), wait=0)
    assert (updated.changes, numbers(kubernetes)) == (["Replicas 3 -> 0"], (0, "0"))


def test_a_number_stays_also_where_the_pods_take_theirs_from_elsewhere(kubernetes: Kubernetes) -> None:
    own = {"Env": {"GE_COUNT": "7"}}
    make(kubernetes, config("foo", Replicas=0, **own))
    scale(kubernetes, 2)
    assert change(config("foo", Replicas=0, Port=5, **own), wait=0).changes == ["Port 40000 -> 5"]
    assert numbers(kubernetes) == (2, "7")
    assert change(config("foo", Replicas=1, Port=5, **own), wait=0).changes == ["Replicas 2 -> 1"]
    assert numbers(kubernetes) == (1, "7")


def test_a_partition_of_the_users_is_made_larger_and_on_delete_stays(kubernetes: Kubernetes) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    make(kubernetes, config("foo", Replicas=2, UpdateStrategy=strategy), ready=False)
    assert change(config("foo", Replicas=4, UpdateStrategy=strategy), wait=0).changes == ["Replicas 2 -> 4"]
    assert stateful_set(kubernetes)["spec"]["updateStrategy"]["rollingUpdate"]["partition"] == 2
    before = written(kubernetes)
    assert change(config("foo", Replicas=4, UpdateStrategy=strategy), wait=0).changes == []
    assert written(kubernetes) == before
    assert change(config("foo", Replicas=1, UpdateStrategy="OnDelete"), wait=0).changes == ["Replicas 4 -> 1"]
    assert stateful_set(kubernetes)["spec"]["updateStrategy"] == {"type": "OnDelete"}
    kept = "k8sdataservice.flyte.org/keeps-pods"
    assert kept not in stateful_set(kubernetes)["metadata"]["annotations"]
    change(config("foo", Replicas=1, Port=5, UpdateStrategy=strategy), wait=0)
    assert stateful_set(kubernetes)["spec"]["updateStrategy"]["rollingUpdate"]["partition"] == 1


def test_a_partition_that_others_have_set_is_no_obstacle(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=2), ready=False)
    patch = {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1, "partition": 1}}}}
    kubernetes.run("patch", "statefulset", "foo", "--type", "merge", "--patch", json.dumps(patch))
    assert change(config("foo", Replicas=3), wait=0).changes == ["Replicas 2 -> 3"]
    assert stateful_set(kubernetes)["spec"]["updateStrategy"]["rollingUpdate"]["partition"] == 2


def mirror(changed: Object) -> None:
    if changed["kind"] == "StatefulSet":
        for container in changed["spec"]["template"]["spec"]["containers"]:
            if not container["image"].startswith("mirror.example/"):
                container["image"] = f"mirror.example/{container['image']}"
        changed["metadata"].setdefault("labels", {})["checked"] = "yes"


def stamp(changed: Object) -> None:
    """Writes something else each time."""
    stamp.times += 1  # type: ignore[attr-defined]
    changed["metadata"].setdefault("annotations", {})["example.com/seen"] = str(stamp.times)  # type: ignore[attr-defined]
    mirror(changed)


stamp.times = 0  # type: ignore[attr-defined]


def written(kubernetes: Kubernetes) -> list[Any]:
    """Returns what changes where this package writes the StatefulSet: its controller writes the status."""
    metadata = stateful_set(kubernetes)["metadata"]
    ours = [entry for entry in metadata["managedFields"] if entry["manager"] == MANAGER]
    return [metadata["generation"], *((entry["operation"], entry["time"]) for entry in ours)]


def generations(kubernetes: Kubernetes) -> list[int]:
    found = [kubernetes.get(kind, "foo") for kind in ("statefulset", "service")]
    return [each["metadata"].get("generation", 0) for each in found if each]


def test_rewriting_by_a_webhook_is_no_change_to_make(kubernetes: Kubernetes, tmp_path: Path) -> None:
    with webhook_that_changes(kubernetes, tmp_path, mirror):
        make(kubernetes, config("foo", Replicas=0), ready=False)
        # The first update removes the annotation with which its create would retract the service.
        assert change(config("foo", Replicas=0), wait=0).changes == []
        before = stateful_set(kubernetes)
        untouched = written(kubernetes)
        updated = change(config("foo", Replicas=0), wait=0)
        assert updated.changes == []
        assert written(kubernetes) == untouched
        assert change(config("foo", Replicas=0, Port=5), wait=0).changes == ["Port 40000 -> 5"]
        assert stateful_set(kubernetes)["metadata"]["generation"] == before["metadata"]["generation"] + 1
        image = stateful_set(kubernetes)["spec"]["template"]["spec"]["containers"][0]["image"]
        assert image == "mirror.example/busybox:latest"
        # Also the pods stay where only their number changes.
        assert change(config("foo", Replicas=1, Port=5), wait=0).changes == ["Replicas 0 -> 1"]
        assert stateful_set(kubernetes)["spec"]["updateStrategy"] == {"type": "OnDelete"}
        assert "checked" not in stateful_set(kubernetes)["spec"]["template"]["metadata"]["labels"]
        updated = change(config("foo", Replicas=1, Port=5), owner="you", adopt=True, wait=0)
        assert updated.adopted_from == "a test"


def test_a_webhook_that_writes_something_else_each_time_is_written_once(kubernetes: Kubernetes, tmp_path: Path) -> None:
    with webhook_that_changes(kubernetes, tmp_path, stamp):
        make(kubernetes, config("foo", Replicas=0), ready=False)
        before = generations(kubernetes)
        change(config("foo", Replicas=0), wait=0)
        assert generations(kubernetes) == before
        assert change(config("foo", Replicas=0, Port=5), wait=0).changes[-1] == "Port 40000 -> 5"
        assert generations(kubernetes)[0] == before[0] + 1


def test_a_failed_update_reports_the_changes_it_made(kubernetes: Kubernetes) -> None:
    make(kubernetes, config("foo", Replicas=0))
    kubernetes.run("delete", "role", "patch-services")
    with pytest.raises(DataServiceError) as raised:
        change(config("foo", Replicas=0, Port=5), owner="you", adopt=True, wait=0)
    message = str(raised.value)
    assert 'the verb "patch" on "services"' in message
    assert (
        "Before that, this update has changed StatefulSet foo (Port 40000 -> 5), and taken the service over" in message
    )
    assert raised.value.code == 403


def test_forced_settings_are_checked_on_the_written_objects(kubernetes: Kubernetes) -> None:
    core = Client(timeout=15)
    wanted = config("foo", Replicas=0)
    place: Object = {"namespace": kubernetes.namespace, "owner": "me", "execution": "a test"}
    core.create_sync(wanted, labels={"cost-centre": "7"}, **place)
    # Kubernetes writes to it once more when it has seen it.
    assert core.wait_sync("foo", namespace=kubernetes.namespace, timeout=120).phase == "Ready"
    before = stateful_set(kubernetes)["metadata"]["resourceVersion"]
    platform = Client(timeout=15, platform={"forced": {"Labels": {"cost-centre": "42"}}})
    with pytest.raises(
        DataServiceError, match=r"Labels\.cost-centre is \"7\" for this execution, but .* force it to"
    ) as raised:
        platform.update_sync(wanted | {"Port": 5}, **place)
    assert raised.value.reason == "InvalidSpec"
    assert stateful_set(kubernetes)["metadata"]["resourceVersion"] == before
    # A caller with the right one is allowed to.
    platform.update_sync(wanted | {"Port": 5}, labels={}, **place)
    assert stateful_set(kubernetes)["metadata"]["labels"]["cost-centre"] == "42"
