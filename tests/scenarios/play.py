"""What is done to a service in a scenario, and what is to be seen of it then, on whatever it runs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from k8sdataservice._core import Client, Status
from k8sdataservice.exceptions import DataServiceError

Object = dict[str, Any]

#: The name of the service of every scenario, since each has a namespace or a cluster of its own.
NAME = "foo"

#: The states after which nothing else is waited for.
FINAL = ("Ready", "Failed", "RetryableFailed")


@dataclass(frozen=True)
class Seen:
    """What a user sees of a service, or the error that a call has raised."""

    #: The phase, or the class of the error.
    phase: str
    reason: str
    #: The message, with IMAGE, NAMESPACE and TIME in place of what differs by its nature.
    message: str
    #: Each endpoint as ``hostname:port``, with a further port as ``/name=port``.
    endpoints: tuple[str, ...] = ()


class Place(Protocol):
    """Where a scenario is played."""

    #: The client, and the namespace that it works on.
    client: Client
    namespace: str
    #: For how long a state may be waited for, in seconds of this machine.
    patience: float

    def pods_will(self, cause: str, log: str) -> None:
        """Says what becomes of the pods, where nothing runs."""

    def status(self) -> Status:
        """Returns how the service is doing."""

    def let_time_pass(self) -> None:
        """Waits a moment, or lets time pass at once."""


@dataclass(frozen=True)
class Scenario:
    """A configuration, what is done to it, and what is to be seen then."""

    title: str
    config: Object
    expected: Seen
    #: What is done; the service is created unless this is given.
    act: Callable[[Stage], None] | None = None
    #: What the pods do, and write, in memory, where nothing runs: the name of a cause.
    cause: str = "Ready"
    log: str = ""
    #: The setting: how long a fault lasts before it is final.
    grace_periods: str = ""
    #: Objects that exist before.
    objects: tuple[Object, ...] = ()
    #: What processes report instead of the message, because no image runs there, and docs/local-mode.md says so.
    of_processes: str | None = None


class Stage:
    """A scenario on one place."""

    def __init__(self, scenario: Scenario, place: Place) -> None:
        """Creates nothing yet."""
        self.config = scenario.config
        self.place = place
        self.client = place.client
        self.where: Object = {"namespace": place.namespace}

    def create(self, owner: str = "me", **fields: Any) -> str:
        """Creates the service, with other fields if need be, and returns its uid."""
        config = self.config | fields
        created = self.client.create_sync(config, owner=owner, execution=f"a test of {owner}", **self.where)
        assert created.uid
        return created.uid

    def update(self, **fields: Any) -> None:
        """Updates the service with other fields."""
        self.client.update_sync(self.config | fields, owner="me", execution="a test of me", **self.where)

    def until_ready(self) -> None:
        """Waits until the service is ready."""
        status = until(self.place, lambda status: status.phase in FINAL)
        assert status.phase == "Ready", status


def play(scenario: Scenario, place: Place) -> Seen:
    """Plays a scenario, and returns what is seen at its end, or when a state has come that does not pass."""
    stage = Stage(scenario, place)
    place.pods_will(scenario.cause, scenario.log)
    try:
        scenario.act(stage) if scenario.act else stage.create()
    except DataServiceError as error:
        return _error(error, place.namespace)
    expected = scenario.expected

    def is_over(status: Status) -> bool:
        wrong_end = status.phase in FINAL and status.phase != expected.phase
        return wrong_end or seen(status, place.namespace) == expected

    return seen(until(place, is_over), place.namespace)


def until(place: Place, is_so: Callable[[Status], bool]) -> Status:
    """Looks until a status is the one that is waited for, and returns it, or the last one."""
    end = time.monotonic() + place.patience
    while True:
        status = place.status()
        if is_so(status) or time.monotonic() > end:
            return status
        place.let_time_pass()


def seen(status: Status, namespace: str) -> Seen:
    """Returns what a user sees of a status."""
    endpoints = []
    for endpoint in status.endpoints:
        assert len(endpoint.addresses) == 1, endpoint
        first, *others = sorted(endpoint.named_ports.items(), key=lambda port: port[0] != NAME)
        endpoints.append("/".join([f"{endpoint.hostname}:{first[1]}", *(f"{name}={port}" for name, port in others)]))
    return Seen(status.phase, status.reason, _without_names(status.message, namespace), tuple(endpoints))


def _error(error: DataServiceError, namespace: str) -> Seen:
    return Seen(type(error).__name__, error.reason, _without_names(str(error), namespace))


def _without_names(message: str, namespace: str) -> str:
    for pattern, word in (
        (rf"\b{namespace}\b", "NAMESPACE"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        # A container runtime reports the first name that it knows the image by.
        (r"(?<=the image )[\w./:-]+\w", "IMAGE"),
    ):
        message = re.sub(pattern, word, message)
    return message
