"""A service that version 2.0 created, whose objects are recorded, in the hands of this version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import ConflictError
from k8sdataservice._core import Client, Execution

from cluster.support.kubernetes import Kubernetes, Object, wait_until

RECORDED = Path(__file__).parents[1] / "golden" / "version-2.0-service.json"
#: The execution of the recorded service, which version 2.0 wrote as a sentence only.
EXECUTION = Execution("p", "d", "f1", "n0")
PARTS = {"project": "p", "domain": "d", "name": "f1", "node-id": "n0"}

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def recorded(kubernetes: Kubernetes) -> dict[str, Any]:
    """Creates the recorded objects, and returns the configuration that they were made of."""
    record = json.loads(RECORDED.read_text())
    uid = ""
    for content in record["objects"]:
        content["metadata"]["namespace"] = kubernetes.namespace
        for reference in content["metadata"].get("ownerReferences", []):
            reference["uid"] = uid
        kubernetes.run("create", "--filename", "-", input=json.dumps(content))
        if content["kind"] == "StatefulSet":
            uid = stateful_set(kubernetes)["metadata"]["uid"]
    config: dict[str, Any] = record["config"]
    return config


def stateful_set(kubernetes: Kubernetes) -> Object:
    found = kubernetes.get("statefulset", "foo")
    assert found
    return found


def test_it_is_adopted_polled_updated_and_deleted(kubernetes: Kubernetes, recorded: dict[str, Any]) -> None:
    client = Client(timeout=10.0)
    place: dict[str, Any] = {"namespace": kubernetes.namespace}
    before = stateful_set(kubernetes)
    uid = before["metadata"]["uid"]
    who: dict[str, Any] = {"owner": "task-1", "execution": EXECUTION}
    created = client.create_sync(recorded, **place, **who)
    assert created.uid == uid
    wait_until(lambda: client.get_sync("foo", **place, uid=uid).phase == "Ready", "the service to be ready")

    kubernetes.run("patch", "role", "k8sdataservice", "--type", "json", "--patch", json.dumps([PATCH_SERVICES]))
    updated = client.update_sync(recorded | {"Labels": {"team": "ml"}}, **place, **who)
    assert updated.changes == ["Labels.team is new"]
    after = stateful_set(kubernetes)
    assert after["metadata"]["uid"] == uid
    # The pods stay what they were, but for the new label.
    assert after["spec"]["template"]["spec"] == before["spec"]["template"]["spec"]
    prefix = "k8sdataservice.flyte.org/execution"
    annotations = after["metadata"]["annotations"]
    assert annotations[prefix] == before["metadata"]["annotations"][prefix]
    assert {part: annotations[f"{prefix}-{part}"] for part in PARTS} == PARTS

    assert client.delete_sync("foo", **place).outcome == "Gone"
    assert kubernetes.names("statefulsets") == []


#: The permissions of an update beside the Role of the connector.
PATCH_SERVICES = {
    "op": "add",
    "path": "/rules/-",
    "value": {"apiGroups": ["", "apps"], "resources": ["services", "statefulsets"], "verbs": ["get", "patch"]},
}


def test_another_execution_may_not_change_it(kubernetes: Kubernetes, recorded: dict[str, Any]) -> None:
    other = Execution("p", "d", "f2", "n0")
    place: dict[str, Any] = {"namespace": kubernetes.namespace, "owner": "task-2"}
    with pytest.raises(ConflictError):
        Client(timeout=10.0).update_sync(recorded | {"Labels": {"team": "ml"}}, **place, execution=other)
    assert "team" not in stateful_set(kubernetes)["metadata"]["labels"]
