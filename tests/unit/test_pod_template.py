"""The user's pod template."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flytekit import PodTemplate
from flytekitplugins_k8sdataservice import DataServiceConfig, InvalidSpecError
from k8sdataservice._core import manifests
from kubernetes import client

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
    spec = client.V1PodSpec(node_selector={"disk": "fast"}, containers=[client.V1Container(name="main", tty=True)])
    template = PodTemplate(pod_spec=spec, primary_container_name="main", labels={"team": "graph"})
    made = pod(template)
    assert made["metadata"]["labels"].pop("team") == "graph"
    assert made == pod(TEMPLATE)


def test_kubernetes_own_types_say_the_same_as_dictionaries() -> None:
    toleration = client.V1Toleration(key="dedicated", operator="Exists")
    probe = client.V1Probe(tcp_socket=client.V1TCPSocketAction(port=80), period_seconds=1)
    typed = DataServiceConfig(Image="i", Tolerations=[toleration], ReadinessProbe=probe)
    said = DataServiceConfig(
        Image="i",
        Tolerations=[{"key": "dedicated", "operator": "Exists"}],
        ReadinessProbe={"tcpSocket": {"port": 80}, "periodSeconds": 1},
    )
    assert typed.to_wire() == said.to_wire()


def test_without_the_package_kubernetes_dictionaries_and_files_work(tmp_path: Path) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text(json.dumps(TEMPLATE))
    program = f"""
import sys
sys.modules["kubernetes"] = None
from flytekitplugins_k8sdataservice import DataServiceConfig
for template in ({TEMPLATE!r}, {str(file)!r}):
    wire = DataServiceConfig(Image="i", PodTemplate=template, Tolerations=[{{"key": "a"}}]).to_wire()
    assert wire["PodTemplate"] == {TEMPLATE!r}, wire
try:
    import kubernetes
except ImportError:
    print("without it")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "without it\n", done.stderr


def test_an_account_that_is_named_has_its_token_and_no_other_pod_has_one() -> None:
    assert pod(None)["spec"]["automountServiceAccountToken"] is False
    assert pod({"spec": {"serviceAccountName": "reader"}})["spec"]["automountServiceAccountToken"] is True
    asked = {"spec": {"serviceAccountName": "reader", "automountServiceAccountToken": False}}
    assert pod(asked)["spec"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"spec": {"nodeSelectr": {}, "hostNetwrk": True}}, r"PodTemplate\.spec\.hostNetwrk is an unknown field"),
        ("no-such-file.yaml", "PodTemplate cannot be read from no-such-file.yaml"),
        (3, "PodTemplate is a int, but must be"),
    ],
)
def test_an_invalid_template_is_named(template: Any, words: str) -> None:
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
