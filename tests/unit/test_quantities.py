"""Amounts, wherever a configuration or the settings have one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import InvalidSpecError
from k8sdataservice._core import Client, validate

Check = Callable[[str], object]


def config(**fields: Any) -> object:
    validate({"Image": "busybox"} | fields)
    return None


def container(amount: str) -> dict[str, Any]:
    return {"name": "beside", "resources": {"limits": {"memory": amount}}}


PLACES: dict[str, Check] = {
    "Requests.cpu": lambda amount: config(Requests={"cpu": amount}),
    "Limits.mem": lambda amount: config(Limits={"mem": amount}),
    "VolumeClaimTemplates[0].size": lambda amount: config(
        VolumeClaimTemplates=[{"name": "data", "mountPath": "/data", "size": amount}]
    ),
    "Volumes[0].emptyDir.sizeLimit": lambda amount: config(
        Volumes=[{"name": "v", "mountPath": "/v", "emptyDir": {"sizeLimit": amount}}]
    ),
    "Sidecars[0].resources.limits.memory": lambda amount: config(Sidecars=[container(amount)]),
    "InitContainers[0].resources.limits.memory": lambda amount: config(InitContainers=[container(amount)]),
    "PodTemplate.spec.containers[0].resources.limits.memory": lambda amount: config(
        PodTemplate={"spec": {"containers": [container(amount)]}}
    ),
    "limits.perPod.mem": lambda amount: Client(platform={"limits": {"perPod": {"mem": amount}}}),
    "limits.total.cpu": lambda amount: Client(platform={"limits": {"total": {"cpu": amount}}}),
    "defaults.Requests.mem": lambda amount: Client(platform={"defaults": {"Requests": {"mem": amount}}}),
    "forced.Limits.cpu": lambda amount: Client(platform={"forced": {"Limits": {"cpu": amount}}}),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_invalid_quantity_is_refused_with_its_path(place: str) -> None:
    for amount in ("Gi", "Mi", "-", "+", "", ".", "e3", "1e", "Ki1", "1GB", "-1", "100E", "1e99999"):
        with pytest.raises(InvalidSpecError) as raised:
            PLACES[place](amount)
        assert str(raised.value).startswith(f"{place} "), amount


@pytest.mark.parametrize("place", PLACES)
def test_every_quantity_of_kubernetes_is_accepted(place: str) -> None:
    for amount in ("1", "+1", "1.5", "1e3", "2Ki", "3.", ".5k", "1E"):
        PLACES[place](amount)
