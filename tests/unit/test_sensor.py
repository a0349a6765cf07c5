"""The namespace in which a CleanupSensor deletes a service, where the platform has one per project."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from flyteidl.core.execution_pb2 import TaskExecution
from flytekit.sensor.base_sensor import SensorMetadata
from flytekit.sensor.sensor_engine import SensorEngine
from flytekitplugins_k8sdataservice import sensor as module
from flytekitplugins_k8sdataservice.sensor import CleanupSensor
from k8sdataservice.exceptions import ConflictError, ForbiddenError, UnavailableError

COUNT = itertools.count()


class Cluster:
    """A client that finds services in some namespaces, and notes what it is asked to delete."""

    def __init__(self, found: list[str] | Exception) -> None:
        self.found = found
        self.deleted: list[str] = []

    def everywhere_sync(self, name: str, *, cluster: str | None) -> list[str]:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    async def everywhere(self, name: str, *, cluster: str | None) -> list[str]:
        return self.everywhere_sync(name, cluster=cluster)

    def delete_sync(self, name: str, *, namespace: str, cluster: str | None) -> SimpleNamespace:
        self.deleted.append(namespace)
        return SimpleNamespace(outcome="Gone", warning=None, used_by=[])

    async def delete(self, name: str, *, namespace: str, cluster: str | None) -> SimpleNamespace:
        return self.delete_sync(name, namespace=namespace, cluster=cluster)


@pytest.fixture(autouse=True)
def _namespace_per_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8SDATASERVICE_NAMESPACE", "{{ project }}-{{ domain }}")


async def poke(
    monkeypatch: pytest.MonkeyPatch, found: list[str] | Exception, namespace: str | None = None
) -> tuple[bool, list[str]]:
    """Returns whether the sensor is done, and where it has deleted something; its sync twin has to do the same."""
    cluster = Cluster(found)
    monkeypatch.setattr(module, "default_client", lambda: cluster)
    sensor = CleanupSensor(name=f"sensor-{next(COUNT)}", namespace=namespace)
    done = await sensor.poke(release_name="foo", cleanup_data_service=True)
    deleted = list(cluster.deleted)
    if done:
        sensor.delete_data_service()
        assert cluster.deleted == deleted * 2
    return done, deleted


async def test_it_deletes_the_only_service_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await poke(monkeypatch, ["shop-development"]) == (True, ["shop-development"])


async def test_it_succeeds_where_no_namespace_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await poke(monkeypatch, []) == (True, [])


async def test_it_refuses_several_and_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConflictError, match=r"exists in namespaces bank-development, shop-development, .*nothing was"):
        await poke(monkeypatch, ["bank-development", "shop-development"])


async def test_its_own_namespace_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await poke(monkeypatch, ["a", "b"], namespace="shop") == (True, ["shop"])


async def test_an_account_that_may_not_search_is_asked_for_the_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ForbiddenError, match=r"CleanupSensor\(\.\.\., namespace=\.\.\.\).* may not list"):
        await poke(monkeypatch, ForbiddenError("The account may not list statefulsets."))


async def test_it_polls_again_while_the_api_server_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await poke(monkeypatch, UnavailableError("away")) == (False, [])


@pytest.mark.parametrize("config", [None, {}])
async def test_a_sensor_that_version_1_registered_looks_in_the_namespace_of_the_connector(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, Any] | None
) -> None:
    monkeypatch.setenv("K8SDATASERVICE_NAMESPACE", "services")
    cluster = Cluster(AssertionError("the namespace is known"))
    monkeypatch.setattr(module, "default_client", lambda: cluster)
    # The template as version 1 wrote it, whatever namespace its sensor was given.
    custom = {"sensor_module": "flytekitplugins.k8sdataservice.sensor", "sensor_name": "CleanupSensor"}
    state = SensorMetadata(**custom, sensor_config=config, inputs={"release_name": "foo", "cleanup_data_service": True})
    assert CleanupSensor("sensor", config=state.sensor_config).namespace is None
    assert (await SensorEngine().get(state)).phase == TaskExecution.SUCCEEDED
    assert cluster.deleted == ["services"]
