"""The service manager of version 1, as far as it needs no cluster."""

from __future__ import annotations

from typing import Any

import pytest
from flytekit import PodTemplate, Resources
from flytekitplugins.k8sdataservice.k8s.manager import K8sManager
from flytekitplugins_k8sdataservice import DataServiceConfig, InvalidSpecError
from kubernetes.client import V1Probe, V1TCPSocketAction

CONFIG = DataServiceConfig(
    Name="foo", Image="busybox", Replicas=2, Port=40001, Requests=Resources(cpu="1"), Limits=Resources(cpu="2")
)
PROBE = V1Probe(tcp_socket=V1TCPSocketAction(port=40001))


def manager(config: Any = CONFIG) -> K8sManager:
    manager = K8sManager()
    manager.set_configs(config)
    return manager


def stateful_set_of(manager: K8sManager) -> Any:
    return manager.create_stateful_set_object()


def test_the_stateful_set_has_the_types_of_the_package_kubernetes() -> None:
    stateful_set = stateful_set_of(manager())
    assert type(stateful_set).__name__ == "V1StatefulSet"
    assert (stateful_set.metadata.name, stateful_set.spec.replicas) == ("foo", 2)
    resources = manager().get_resources()
    assert resources is not None
    assert (resources.requests or {})["cpu"] == "1"
    assert (resources.limits or {})["cpu"] == "2"


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        CONFIG.to_wire(),
        # As the connector of version 1 called it, with types of flytekit and of the package kubernetes.
        {**vars(CONFIG), "ReadinessProbe": PROBE, "PodTemplate": PodTemplate(labels={"a": "b"})},
        {"Name": "foo", "Image": "busybox", "Replicas": "2", "Port": 40001.0},
    ],
)
def test_configurations_are_taken_in_every_form(config: Any) -> None:
    assert stateful_set_of(manager(config)).spec.replicas == 2


def test_a_service_without_a_name_has_one_from_the_start() -> None:
    unnamed = manager({"Image": "busybox"})
    assert unnamed.name.startswith("k8s-dataservice-")
    assert unnamed.name == stateful_set_of(unnamed).metadata.name
    assert unnamed.name != manager({"Image": "busybox"}).name


def test_the_namespace_is_the_platforms_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert manager().namespace == "flyte"
    monkeypatch.setenv("K8SDATASERVICE_NAMESPACE", "ml")
    elsewhere = manager()
    assert elsewhere.namespace == "ml"
    elsewhere.namespace = "own"
    assert stateful_set_of(elsewhere).metadata.namespace == "own"


def test_a_stateful_set_that_was_changed_is_refused() -> None:
    changed = stateful_set_of(manager())
    changed.spec.replicas = 7
    with pytest.raises(InvalidSpecError, match="change the configuration instead"):
        manager().create_stateful_set(changed)
