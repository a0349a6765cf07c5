"""The purpose of each permission of the documented Role: a use that works with it and does not without."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from k8sdataservice._core import Client, Created, Status

from cluster.support.configs import config
from cluster.support.kubernetes import Object
from cluster.support.verdicts import requests, shell

#: A permission as the Role grants it: the resource and the verb.
Permission = tuple[str, str]

#: How long a service that no pod of may be made takes to fail, in seconds.
PATIENCE = 60.0

#: How often in a row a thing has to be so: a list whose watch is refused counts for an instant.
STEADY = 10


@dataclass(frozen=True)
class Service:
    """A service in some namespace, and for how many seconds what is to work may take."""

    name: str
    namespace: str
    patience: float

    def steadily(self, look: Callable[[], Any]) -> bool:
        """Returns whether a look finds something again and again."""
        end = time.monotonic() + self.patience
        found = 0
        while found < STEADY and time.monotonic() < end:
            found = found + 1 if look() else 0
            time.sleep(0.05)
        return found == STEADY


@dataclass(frozen=True)
class Use:
    """The use of a permission."""

    works: Callable[[Service], bool]
    #: The service that is there before; None where the permission is for creating it.
    config: dict[str, Any] | None = field(default_factory=lambda: config(Replicas=0))
    #: The other objects of the namespace.
    beside: tuple[Object, ...] = ()
    needs_real_pods: bool = False


def make(service: Service, config: dict[str, Any]) -> Created:
    return Client().create_sync(
        config | {"Name": service.name}, namespace=service.namespace, owner=service.name, execution="a test"
    )


def create(service: Service) -> bool:
    return make(service, config(Replicas=0)).name == service.name


def delete(service: Service) -> bool:
    return Client().delete_sync(service.name, namespace=service.namespace).outcome == "Gone"


def keep(service: Service) -> bool:
    until = Client().keep_sync(service.name, namespace=service.namespace, owner=service.name, seconds=3600)
    return until is not None


def verdict_outlives(service: Service) -> bool:
    """A service that has failed and was deleted is reported with the cause all the same."""
    client, uid = Client(), make(service, config()).uid
    place: dict[str, Any] = {"namespace": service.namespace, "uid": uid}
    end = time.monotonic() + PATIENCE
    while (status := client.get_sync(service.name, **place)).phase != "Failed":
        assert time.monotonic() < end, status
    concluded = client.conclude_sync(status, service.name, **place, owner=service.name)
    assert concluded.status.reason == "LimitRangeRefused"
    assert bool(concluded.warning) == (client.get_sync(service.name, **place).reason == "StatefulSetNotFound")
    return not concluded.warning


def known(tells: Callable[[Status], Any]) -> Callable[[Service], bool]:
    """The status in memory, without asking the API server."""

    def works(service: Service) -> bool:
        client = Client()
        client.get_sync(service.name, namespace=service.namespace)

        def look() -> Any:
            status = client.get_known(service.name, namespace=service.namespace)
            return status and tells(status)

        return service.steadily(look)

    return works


def reported(reason: str) -> Callable[[Service], bool]:
    """Why a service is not ready."""

    def works(service: Service) -> bool:
        client = Client()
        return service.steadily(lambda: client.get_sync(service.name, namespace=service.namespace).reason == reason)

    return works


def told_of_later(reason: str) -> Callable[[Service], bool]:
    """Why a service that is made later is not ready, while events are read already."""

    def works(service: Service) -> bool:
        client = Client()
        begun = Service(service.name, service.namespace, 60.0)
        assert begun.steadily(lambda: client.get_sync(service.name, namespace=service.namespace).reason == reason)
        later = Service(f"{service.name}-later", service.namespace, service.patience)
        make(later, config())
        return later.steadily(lambda: client.get_sync(later.name, namespace=service.namespace).reason == reason)

    return works


def last_words(service: Service) -> bool:
    client = Client(platform={"gracePeriods": {"ContainerExits": 0}})

    def look() -> bool:
        status = client.get_sync(service.name, namespace=service.namespace)
        if status.phase == "Failed" and "the reason" not in status.message:
            assert "Its log cannot be read" in status.message, "an unread log is not called empty"
        return "Its last log lines:\nthe reason" in status.message

    return service.steadily(look)


TINY_LIMIT: Object = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "small"},
    "spec": {"limits": [{"type": "Container", "max": {"cpu": "1m"}}]},
}
IN_MEMORY = Use(known(lambda _: True))
ENDPOINTS = Use(known(lambda status: status.endpoints), config())
PENDING = Use(known(lambda status: status.reason == "InsufficientCpu"), config(**requests(cpu="1000000")))

#: The purpose of each permission of the Role.
USES: dict[Permission, Use] = {
    ("statefulsets", "create"): Use(create, None),
    # Where the StatefulSet already exists, as after an answer that was lost. A poll reads the watch.
    ("statefulsets", "get"): Use(create),
    ("statefulsets", "list"): IN_MEMORY,
    ("statefulsets", "watch"): IN_MEMORY,
    ("statefulsets", "delete"): Use(delete),
    ("statefulsets", "patch"): Use(keep),
    ("services", "create"): Use(create, None),
    # Where the Service already exists, as after an answer that was lost.
    ("services", "get"): Use(create),
    ("services", "delete"): Use(delete),
    ("endpointslices", "list"): ENDPOINTS,
    ("endpointslices", "watch"): ENDPOINTS,
    ("pods", "list"): PENDING,
    ("pods", "watch"): PENDING,
    ("pods/log", "get"): Use(last_words, config(**shell("echo the reason; exit 3")), needs_real_pods=True),
    # Only an event reports that no pod may be created.
    ("events", "create"): Use(verdict_outlives, config(), (TINY_LIMIT,)),
    ("events", "list"): Use(reported("LimitRangeRefused"), config(), (TINY_LIMIT,)),
    # Without it they are listed now and then.
    ("events", "watch"): Use(told_of_later("LimitRangeRefused"), config(), (TINY_LIMIT,)),
}
