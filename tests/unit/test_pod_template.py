"""What a user says of the pods in Kubernetes's own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flytekit import PodTemplate
from flytekitplugins_k8sdataservice import DataServiceConfig, InvalidSpecError
from flytekitplugins_k8sdataservice._core import manifests

TEMPLATE = {"spec": {"nodeSelector": {"disk": "fast"}, "containers": [{"name": "primary", "tty": True}]}}


def pod(template: Any) -> dict[str, Any]:
    config = DataServiceConfig(Name="foo", Image="i", PodTemplate=template).to_wire()
    stateful_set = manifests(config, namespace="flyte", owner="o", execution="e")[0]
    made: dict[str, Any] = stateful_set["spec"]["template"]
    return made


def test_a_dictionary_is_merged_by_the_containers_names() -> None:
    spec = pod(TEMPLATE)["spec"]
    assert spec["nodeSelector"] == {"disk": "fast"}
    (container,) = spec["containers"]
    assert (container["name"], container["image"], container["tty"]) == ("foo", "i", True)


@pytest.mark.parametrize(
    "text",
    [
        "spec: {nodeSelector: {disk: fast}, containers: [{name: primary, tty: true}]}",
        "{apiVersion: v1, kind: Pod, spec: {nodeSelector: {disk: fast}, containers: [{name: primary, tty: true}]}}",
        "{kind: PodTemplate, template: {spec: {nodeSelector: {disk: fast}, containers: [{name: primary, tty: true}]}}}",
    ],
)
def test_a_file_says_the_same_as_a_dictionary(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text(text)
    assert pod(str(file)) == pod(file) == pod(TEMPLATE)


def test_flytekits_own_template_says_the_same_as_a_dictionary() -> None:
    client = pytest.importorskip("kubernetes.client")
    spec = client.V1PodSpec(node_selector={"disk": "fast"}, containers=[client.V1Container(name="main", tty=True)])
    template = PodTemplate(pod_spec=spec, primary_container_name="main", labels={"team": "graph"})
    made = pod(template)
    assert made["metadata"]["labels"].pop("team") == "graph"
    assert made == pod(TEMPLATE)


def test_an_account_that_is_named_has_its_token_and_no_other_pod_has_one() -> None:
    assert pod(None)["spec"]["automountServiceAccountToken"] is False
    assert pod({"spec": {"serviceAccountName": "reader"}})["spec"]["automountServiceAccountToken"] is True
    asked = {"spec": {"serviceAccountName": "reader", "automountServiceAccountToken": False}}
    assert pod(asked)["spec"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"spec": {"nodeSelectr": {}, "hostNetwrk": True}}, r"PodTemplate\.spec\.hostNetwrk is not a field"),
        ("no-such-file.yaml", "PodTemplate cannot be read from no-such-file.yaml"),
        (3, "PodTemplate is a int, but must be"),
    ],
)
def test_what_is_no_template_is_named(template: Any, words: str) -> None:
    with pytest.raises(InvalidSpecError, match=words):
        pod(template)


def test_the_hash_of_a_service_without_a_template_is_what_it_always_was() -> None:
    def annotations(template: Any) -> dict[str, str]:
        config = DataServiceConfig(Name="foo", Image="i", PodTemplate=template).to_wire()
        stateful_set = manifests(config, namespace="flyte", owner="o", execution="e")[0]
        found: dict[str, str] = stateful_set["metadata"]["annotations"]
        return found

    hashes = {annotations(template)["k8sdataservice.flyte.org/spec-hash"] for template in (None, TEMPLATE)}
    assert len(hashes) == 2
