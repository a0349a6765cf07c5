"""Every field: its documentation, its example, what that makes of the objects, and what is no value of it.

``UPDATE_GOLDEN=1 pytest tests/unit/test_fields.py`` rewrites the golden files; read the difference.
"""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from flytekitplugins_k8sdataservice import DataServiceConfig, InvalidSpecError
from k8sdataservice._core import manifests, validate

from unit.fields import IMAGE, config_of, examples

GOLDEN = Path(__file__).parents[1] / "golden/fields"
#: It is made of what the core reads, which the core's tests see to.
SCHEMA = Path(__file__).parents[2] / "docs/reference/dataservice-config.schema.json"
EXAMPLES = examples()

#: The fields whose values are in the names and places of the objects, or of services without objects.
ELSEWHERE = {"Name", "Namespace", "Cluster", "ExistingReleaseName"}


def objects(config: DataServiceConfig) -> dict[str, Any]:
    labels = {"project": "flytesnacks", "domain": "development"}
    made = manifests(config.to_wire() | {"Name": "foo"}, namespace="flyte", owner="o", execution="e", labels=labels)
    for each in made:
        # It differs for every field, and is tested by itself.
        each["metadata"]["annotations"].pop("k8sdataservice.flyte.org/spec-hash")
    return {each["kind"]: each for each in made}


def added(before: Any, after: Any) -> Any:
    """Returns what is new or other, lists of the same length item by item."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [key for key in after if key not in before or before[key] != after[key]]
        gone = {key: None for key in before if key not in after}
        return {key: added(before[key], after[key]) if key in before else after[key] for key in keys} | gone
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = zip(before, after, strict=True)
        return {index: added(old, new) for index, (old, new) in enumerate(pairs) if old != new}
    return after


def test_the_fields_are_those_that_the_core_reads() -> None:
    schema = json.loads(SCHEMA.read_text())
    assert {field.name for field in fields(DataServiceConfig)} == set(schema["properties"])


def test_every_field_is_documented_with_an_example() -> None:
    assert set(EXAMPLES) == {field.name for field in fields(DataServiceConfig)}
    assert DataServiceConfig.__doc__ is not None
    for field in EXAMPLES:
        assert f"        {field}: " in DataServiceConfig.__doc__


@pytest.mark.parametrize("field", sorted(EXAMPLES))
def test_an_example_means_what_its_golden_file_says(field: str) -> None:
    config = config_of(EXAMPLES[field])
    validate(config.to_wire())
    assert getattr(config, field) is not None
    if field in ELSEWHERE:
        return
    difference = added(objects(DataServiceConfig(Image=IMAGE)), objects(config))
    assert difference, "the field changes nothing"
    made = yaml.safe_dump(difference, sort_keys=True, width=120)
    path = GOLDEN / f"{field}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(made)
    assert made == path.read_text()


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(EXAMPLES) - ELSEWHERE


def test_a_field_that_is_empty_asks_for_nothing() -> None:
    empty: dict[str, Any] = {"Args": [], "Env": {}, "Volumes": [], "Labels": {}, "Affinity": {}, "Tolerations": []}
    assert objects(DataServiceConfig(Image=IMAGE, **empty)) == objects(DataServiceConfig(Image=IMAGE))


VOLUME = {"name": "a", "mountPath": "/a", "emptyDir": {}}
CLAIM = {"name": "a", "mountPath": "/a", "size": "1Gi"}

BAD: list[tuple[dict[str, Any], str]] = [
    ({"Args": "a b"}, "Args must be a list"),
    ({"Args": ["a", 1]}, "Args[1] must be a string"),
    ({"Env": ["A=b"]}, "Env must be a dictionary"),
    ({"Env": {"PORT": 8080}}, "Env.PORT must be text"),
    ({"Env": {"1A": "b"}}, "Env.1A cannot be the name of a variable"),
    (
        {"Env": {"A": {"secretKeyReff": {}}}},
        "Env.A.secretKeyReff is an unknown field; did you mean `secret",
    ),
    ({"EnvFrom": [{"prefix": "A_"}]}, "EnvFrom[0] must name either"),
    (
        {"EnvFrom": [{"secretRef": {"name": "A_b"}}]},
        'EnvFrom[0].secretRef.name is "A_b", which cannot be the name of a Secret',
    ),
    ({"Secrets": [{"group": "g"}]}, "Secrets[0] lacks key"),
    ({"Secrets": [{"group": "g", "key": "a/b"}]}, "Secrets[0].key must be"),
    (
        {"Secrets": [{"group": "g", "key": "k", "mountRequirement": "VAR"}]},
        'Secrets[0].mountRequirement is "VAR", but must be one of',
    ),
    ({"Ports": [{"port": 1}, {"name": "Gossip", "port": 2}]}, 'Ports[1].name is "Gossip"'),
    ({"Ports": [{"name": "a-name-that-is-long", "port": 2}]}, "Ports[0].name is"),
    (
        {"Ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]},
        'Ports[1].name is "a", as Ports[0].name is already',
    ),
    ({"Ports": [{"name": "a", "port": 1}, {"name": "b", "port": 1}]}, "Ports[1].port is 1, as Ports[0] has already"),
    ({"Ports": [{"name": "a", "port": 70000}]}, "Ports[0].port is 70000"),
    (
        {"Ports": [{"name": "a", "port": 1, "protocol": "HTTP"}]},
        'Ports[0].protocol is "HTTP", but must be one of TCP, UDP, SCTP',
    ),
    ({"Ports": [{"name": "a"}]}, "Ports[0] lacks port"),
    ({"ReadinessProbe": {"periodSeconds": 1}}, "ReadinessProbe must ask in one way"),
    ({"ReadinessProbe": {"httpGet": {"port": "web"}}}, 'ReadinessProbe.httpGet.port is "web", but Ports has no port'),
    ({"LivenessProbe": {"tcpSocket": {"port": 0}}}, "LivenessProbe.tcpSocket.port is 0"),
    (
        {"StartupProbe": {"exec": {"cmd": []}}},
        "StartupProbe.exec.cmd is an unknown field; did you mean `command",
    ),
    ({"PreStop": {}}, "PreStop must do one thing"),
    ({"TerminationGracePeriodSeconds": -1}, "TerminationGracePeriodSeconds is -1"),
    ({"Volumes": [{"name": "a", "emptyDir": {}}]}, "Volumes[0].mountPath is missing"),
    ({"Volumes": [VOLUME | {"mountPath": "a"}]}, 'Volumes[0].mountPath is "a", but must be an absolute path'),
    ({"Volumes": [VOLUME | {"secret": {"secretName": "s"}}]}, "Volumes[0] must say one place"),
    (
        {"Volumes": [VOLUME | {"mountpath": "/b"}]},
        "Volumes[0].mountpath is an unknown field; did you mean `mountPath",
    ),
    ({"Volumes": [VOLUME | {"name": "A"}]}, 'Volumes[0].name is "A"'),
    ({"Volumes": [VOLUME, VOLUME | {"mountPath": "/b"}]}, 'Volumes[1].name is "a", as Volumes[0].name is already'),
    ({"Volumes": [VOLUME, VOLUME | {"name": "b"}]}, 'Volumes[1].mountPath is "/a", as Volumes[0].mountPath is already'),
    ({"VolumeClaimTemplates": [{"name": "a", "mountPath": "/a"}]}, "VolumeClaimTemplates[0] lacks size"),
    ({"VolumeClaimTemplates": [CLAIM | {"size": "big"}]}, 'VolumeClaimTemplates[0].size is "big"'),
    ({"VolumeClaimTemplates": [CLAIM | {"size": 0}]}, "VolumeClaimTemplates[0].size is nothing"),
    (
        {"VolumeClaimTemplates": [CLAIM | {"accessModes": ["RWO"]}]},
        'VolumeClaimTemplates[0].accessModes[0] is "RWO", but must be one of',
    ),
    (
        {"VolumeClaimTemplates": [CLAIM], "Volumes": [VOLUME]},
        'VolumeClaimTemplates[0].name is "a", as Volumes[0].name is',
    ),
    (
        {"PersistentVolumeClaimRetentionPolicy": {"whenDeleted": "Keep"}},
        'PersistentVolumeClaimRetentionPolicy.whenDeleted is "Keep", but must be',
    ),
    ({"ServiceAccount": "a b"}, 'ServiceAccount is "a b", which cannot be the name of a ServiceAccount'),
    ({"ImagePullSecrets": ["A"]}, 'ImagePullSecrets[0] is "A"'),
    (
        {"ImagePullPolicy": "always"},
        'ImagePullPolicy is "always", but must be one of Always, IfNotPresent, Never; did you mean `Always`?',
    ),
    ({"NodeSelector": {"a b": "c"}}, "NodeSelector.a b is no key"),
    ({"NodeSelector": {"a": True}}, "NodeSelector.a must be text"),
    ({"Tolerations": [{"value": "b"}]}, "Tolerations[0].key is missing"),
    ({"Tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}, "Tolerations[0].value must be left out"),
    ({"Affinity": {"podAntiAfinity": {}, "x": 1}}, "Affinity."),
    ({"TopologySpreadConstraints": [{"maxSkew": 1}]}, "TopologySpreadConstraints[0].topologyKey is missing"),
    ({"PriorityClass": "High"}, 'PriorityClass is "High"'),
    ({"RuntimeClass": ""}, 'RuntimeClass is ""'),
    ({"Accelerator": {"partitionSize": "1g.5gb"}}, "Accelerator lacks device"),
    ({"PodSecurityContext": {"runAsUser": "me"}}, "PodSecurityContext.runAsUser must be a whole number"),
    (
        {"SecurityContext": {"privilegd": True}},
        "SecurityContext.privilegd is an unknown field; did you mean `privileged",
    ),
    ({"InitContainers": [{"image": "i"}]}, "InitContainers[0].name is missing"),
    ({"Sidecars": [{"name": "a", "restartPolicy": "Always"}]}, "Sidecars[0].restartPolicy must be left out"),
    (
        {"InitContainers": [{"name": "a"}], "Sidecars": [{"name": "a"}]},
        'Sidecars[0].name is "a", as InitContainers[0].name',
    ),
    ({"PodManagementPolicy": "Serial"}, 'PodManagementPolicy is "Serial", but must be one of Parallel, OrderedReady'),
    ({"MinReadySeconds": 1.5}, "MinReadySeconds is 1.5"),
    ({"UpdateStrategy": "Recreate"}, 'UpdateStrategy.type is "Recreate", but must be RollingUpdate or OnDelete'),
    ({"Lifetime": "forever"}, "Lifetime must be run, execution, persist"),
    ({"Lifetime": {"ttl": "soon"}}, 'Lifetime.ttl is "soon", but must be a length of time'),
    ({"Labels": {"a": "b c"}}, 'Labels.a is "b c"'),
    ({"Labels": {"app.kubernetes.io/instance": "b"}}, "Labels.app.kubernetes.io/instance is the plugin's own"),
    (
        {"Annotations": {"k8sdataservice.flyte.org/owner": "me"}},
        "Annotations.k8sdataservice.flyte.org/owner is the plugin's own",
    ),
    ({"PublishNotReadyAddresses": "no"}, "PublishNotReadyAddresses must be true or false"),
    ({"DnsPolicy": "Cluster"}, 'DnsPolicy is "Cluster", but must be one of'),
    ({"DnsConfig": {"servers": []}}, "DnsConfig.servers is an unknown field"),
    ({"PodDisruptionBudget": {"minAvailable": 1, "maxUnavailable": 1}}, "PodDisruptionBudget must say either"),
    ({"PodDisruptionBudget": {"minAvailable": 1, "selector": {}}}, "PodDisruptionBudget.selector must be left out"),
    ({"NetworkPolicy": "yes"}, "NetworkPolicy must be true"),
    ({"NetworkPolicy": {"podSelector": {}}}, "NetworkPolicy.podSelector must be left out"),
    ({"Namespace": "Bad_Name"}, 'Namespace is "Bad_Name", which cannot be the name of a namespace'),
    ({"Namespace": 5}, "Namespace must be text, not a number"),
    ({"Cluster": 5}, "Cluster must be text, not a number"),
    ({"Env ": {}}, "Env  is an unknown field; did you mean `Env"),
]


@pytest.mark.parametrize(("said", "words"), BAD, ids=[words for _, words in BAD])
def test_an_invalid_value_is_refused_with_its_path(said: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpecError) as error:
        validate({"Image": "i"} | said)
    assert str(error.value).startswith(words)
