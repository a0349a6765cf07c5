"""The core from Python, and the names that older code imports."""

from __future__ import annotations

import asyncio

import pytest
from flytekitplugins.k8sdataservice.k8s.kube_config import KubeConfig
from flytekitplugins.k8sdataservice.k8s.manager import K8sManager
from flytekitplugins_k8sdataservice import DataServiceTimeoutError, NotOwnedError
from k8sdataservice._core import Client

from cluster.support.configs import config
from cluster.support.kubernetes import Kubernetes
from cluster.support.objects import foreign_service, foreign_stateful_set, nothing, one

pytestmark = pytest.mark.usefixtures("here")


async def test_a_service_is_made_waited_for_and_deleted(kubernetes: Kubernetes) -> None:
    client = Client()
    namespace = kubernetes.namespace
    created = await client.create(config("foo", Replicas=0), namespace=namespace, owner="me", execution="a test")
    assert (created.name, created.namespace, created.existing, created.shared_with) == ("foo", namespace, False, None)
    status = await client.wait("foo", namespace=namespace, timeout=30)
    assert (status.phase, status.ready, status.wanted) == ("Ready", 0, 0)
    assert (await client.get("foo", namespace=namespace)).phase == "Ready"
    assert (await client.delete("foo", namespace=namespace)).outcome == "Gone"
    assert (await client.delete("foo", namespace=namespace)).outcome == "NothingThere"
    assert (await client.get("foo", namespace=namespace)).reason == "StatefulSetNotFound"


def test_the_sync_twins_do_the_same(kubernetes: Kubernetes) -> None:
    client = Client()
    namespace = kubernetes.namespace
    client.create_sync(config("foo", Replicas=0), namespace=namespace, owner="me", execution="a test")
    other = client.create_sync(config("foo", Replicas=0), namespace=namespace, owner="you", execution="another")
    assert other.shared_with == "a test"
    assert client.wait_sync("foo", namespace=namespace, timeout=30).phase == "Ready"
    assert client.delete_sync("foo", namespace=namespace, owner="you").outcome == "LeftAlone"
    assert client.delete_sync("foo", namespace=namespace, owner="me").outcome == "Gone"
    assert client.get_sync("foo", namespace=namespace).phase == "Failed"


async def test_a_wait_that_is_too_short_says_what_it_waited_for(kubernetes: Kubernetes) -> None:
    client = Client()
    huge = config("huge", Requests={"cpu": "1000000"}, Limits=None)
    await client.create(huge, namespace=kubernetes.namespace, owner="me", execution="a test")
    with pytest.raises(
        DataServiceTimeoutError, match=r"StatefulSet huge .* is not ready after 1 s: .*0 of 1 pod ready"
    ):
        await client.wait("huge", namespace=kubernetes.namespace, timeout=1)


async def test_fifty_services_at_once_from_one_loop(kubernetes: Kubernetes) -> None:
    client = Client(timeout=20)
    names = [f"service-{number:02}" for number in range(50)]

    async def bring_up(name: str) -> str:
        made = await client.create(
            config(name, Replicas=0), namespace=kubernetes.namespace, owner=name, execution="a test"
        )
        return made.name

    assert await asyncio.gather(*map(bring_up, names)) == names
    assert kubernetes.services() == {"statefulsets": names, "services": names}
    await asyncio.gather(*(client.delete(name, namespace=kubernetes.namespace) for name in names))
    assert kubernetes.services() == nothing()


def test_an_exception_carries_what_a_program_needs(kubernetes: Kubernetes) -> None:
    kubernetes.apply(foreign_stateful_set("theirs"), foreign_service("theirs"))
    with pytest.raises(NotOwnedError) as raised:
        Client().delete_sync("theirs", namespace=kubernetes.namespace)
    error = raised.value
    assert isinstance(error, PermissionError)
    assert (error.reason, error.namespace, error.name) == ("NotOwned", kubernetes.namespace, "theirs")


def test_the_manager_that_older_code_imports_has_no_shared_state(kubernetes: Kubernetes) -> None:
    KubeConfig().load_kube_config()
    first, second = K8sManager(), K8sManager()
    first.set_configs(config("first", Replicas=0))
    second.set_configs(config(Replicas=0))
    assert first.create_data_service() == "first"
    generated = second.create_data_service()
    assert generated.startswith("k8s-dataservice-")
    assert first.check_stateful_set_status("first") in ("pending", "success")
    second.delete_stateful_set(generated)
    second.delete_service(generated)
    assert kubernetes.services() == one("first")
    assert first.check_stateful_set_status(generated) == "failed"
