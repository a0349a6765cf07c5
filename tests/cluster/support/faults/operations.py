"""The calls of Flyte, in every situation in which a connector takes a way of its own through the API."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from flyteidl.core.execution_pb2 import TaskExecution
from flytekit.models.task import TaskExecutionMetadata
from flytekitplugins_k8sdataservice.owner import owner_of
from k8sdataservice._core import Client, generate_name
from k8sdataservice.exceptions import DataServiceError
from k8sdataservice.owner import Owner

from cluster.support.configs import config
from cluster.support.connector import CREATE_PATIENCE, PATIENCE, Caller, Execution, name_of, outputs_of
from cluster.support.faults.arena import Arena
from cluster.support.kubernetes import Object, wait_until
from cluster.support.objects import foreign_service, foreign_stateful_set
from cluster.support.polled_sensor import Sensor, sensor

#: The answers to a call that cannot be carried out now, where Flyte calls again after an error.
_TRY_AGAIN = ("UnavailableError",)
#: The answers to a poll instead: it never fails for a fault that may pass.
_WAIT = ("INITIALIZING", "QUEUED")


#: The objects of a service that asks for nothing else. A delete deletes both at once.
PLAIN = frozenset({"statefulsets", "services"})

#: The objects after an update that adds a PodDisruptionBudget.
_GUARDED = PLAIN | {"poddisruptionbudgets"}
_CHANGED = " ".join(sorted(_GUARDED))


@dataclass
class Case:
    """One run of an operation, with a service of its own.

    Attributes:
        arena: Where it happens.
        execution: The execution that the operation is of.
        name: The service's name: the one that is generated for the execution.
        custom: The configuration, which says no name.
        resource_meta: What Flyte keeps of the task, once there is one.
        sensor: The sensor that is polled, if it is.
        theirs: The objects of somebody else under the service's name.
    """

    arena: Arena
    execution: Execution = field(default_factory=Execution)
    custom: dict[str, Any] = field(default_factory=lambda: config(Replicas=0))
    resource_meta: bytes = b""
    sensor: Sensor | None = None
    theirs: dict[str, Object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Foretells the name, so that the proxy knows the case's calls."""
        self.name = generate_name(self.owner().id)

    def owner(self) -> Owner:
        """Returns what the connector takes the service to be made for."""
        metadata = TaskExecutionMetadata.from_flyte_idl(self.execution.metadata)
        return owner_of(self.execution.output_prefix, metadata)

    def settle(self) -> None:
        """Waits until Kubernetes has seen the service.

        A call that names the version it has read is repeated where Kubernetes writes in between, and makes other calls.
        """
        target = self.arena.target("statefulsets", self.name)
        if "statefulsets" in self.arena.of_service(self.name):
            wait_until(
                lambda: "observedGeneration" in self.arena.server.get(target).get("status", {}), "Kubernetes to see it"
            )

    def create(self, caller: Caller) -> str:
        """Creates, and notes what Flyte would."""
        self.resource_meta = caller.create(self.custom, self.execution)
        return name_of(self.resource_meta)

    def get(self, caller: Caller) -> str:
        """Polls."""
        resource = caller.get(self.resource_meta)
        phase = str(TaskExecution.Phase.Name(resource.phase))
        return " ".join([phase, *outputs_of(resource).values()])


@dataclass(frozen=True)
class Operation:
    """A call in a situation.

    Attributes:
        name: What happens, in words.
        prepare: Brings the situation about.
        act: Makes the call and returns its answer in one word or two.
        right: The answer it has to get; ``{name}`` is the service's.
        meanwhile: What it may be answered with while the API is in trouble for long.
        leaves: What is there afterwards: ``ours``, ``nothing`` or ``theirs``.
        kinds: What ours consists of then.
    """

    name: str
    prepare: Callable[[Case], Any]
    act: Callable[[Case, Caller], str]
    right: str
    meanwhile: tuple[str, ...]
    leaves: str
    kinds: frozenset[str] = PLAIN

    @property
    def is_of_python(self) -> bool:
        """Whether it is a call of the Python interface, which no connector carries out."""
        return self.act in (_wait, _update, _adopt)

    @property
    def creates(self) -> bool:
        """Whether it is a create, which a connector takes back once its sender has given up."""
        return self.act in (Case.create, _create_asleep)

    @property
    def patience(self) -> float:
        """How long an answer may take, in seconds: a connector's has to reach Flyte in time."""
        return CREATE_PATIENCE if self.is_of_python or self.creates or self.act == _attach else PATIENCE

    @property
    def polls(self) -> bool:
        """Whether Flyte repeats the call anyway, until it has a final answer."""
        return self.meanwhile != _TRY_AGAIN

    def answer(self, case: Case, caller: Caller) -> str:
        """Makes the call, and returns what Flyte gets: an answer or the name of an error."""
        try:
            return self.act(case, caller)
        except grpc.RpcError as error:
            # flytekit sends the whole traceback; the error is the last that is named.
            named = re.findall(r"(\w+Error): ", str(error.details()))
            return named[-1] if named else f"{error.code().name} ({error.details()})"
        except DataServiceError as error:
            return type(error).__name__


def _nothing(case: Case) -> None:
    pass


def _made(case: Case) -> None:
    case.create(case.arena.second)


def _ready(case: Case) -> None:
    _made(case)
    _until_ready(case)


def _until_ready(case: Case) -> None:
    right = f"SUCCEEDED {case.name}"
    wait_until(lambda: case.get(case.arena.second) == right, "the service to be ready")


def _made_halfway(case: Case) -> None:
    _made(case)
    case.arena.server.delete(case.arena.target("services", case.name))


def _asleep(case: Case) -> None:
    _made(case)
    note = json.dumps({"replicas": 1, "since": "2026-01-01T00:00:00Z"})
    annotations = {"k8sdataservice.flyte.org/asleep": note}
    case.arena.server.patch(case.arena.target("statefulsets", case.name), {"metadata": {"annotations": annotations}})


def _left_over(case: Case) -> None:
    labels = {"app": "service-name", "app.kubernetes.io/instance": case.name}
    case.arena.apply(foreign_service(case.name, labels))


def _stranger(*makes: Callable[[str], Object]) -> Callable[[Case], None]:
    def prepare(case: Case) -> None:
        case.arena.apply(*(make(case.name) for make in makes))
        case.theirs = case.arena.of_service(case.name)

    return prepare


def _made_by_another(case: Case) -> None:
    case.custom = case.custom | {"Name": case.name}
    case.arena.second.create(case.custom, Execution())
    case.theirs = case.arena.of_service(case.name)


def _shared(case: Case) -> None:
    _made_by_another(case)
    case.create(case.arena.second)


def _completed(case: Case) -> None:
    _made_by_another(case)
    case.arena.server.delete(case.arena.target("services", case.name))
    case.create(case.arena.second)
    case.theirs = case.arena.of_service(case.name)


def _existing(case: Case) -> None:
    _made_by_another(case)
    case.create(case.arena.second)
    _until_ready(case)
    case.custom = config(ExistingReleaseName=case.name)


def _waiting(case: Case) -> None:
    case.custom = config(Requests={"cpu": "1000000", "mem": "1Mi"}, Limits={"cpu": "1000000", "mem": "1Mi"})
    _made(case)
    wait_until(lambda: case.get(case.arena.second).startswith("WAITING"), "the pod to wait for room")


def _failing(case: Case) -> None:
    case.custom = config(Requests={"mem": "1Ti"}, Limits={"mem": "1Ti"})
    _made(case)
    target = case.arena.target("events") + f"?fieldSelector=involvedObject.name={case.name},reason=FailedCreate"
    wait_until(lambda: case.arena.server.get(target)["items"], "the event")
    # For a second nobody asks why there are no pods, and times of creation have no fractions.
    time.sleep(2)


def _observed(situation: Callable[[Case], None]) -> Callable[[Case], None]:
    """Waits after the situation until Kubernetes has seen the service."""

    def prepare(case: Case) -> None:
        situation(case)
        case.settle()

    return prepare


def _sensor(situation: Callable[[Case], None]) -> Callable[[Case], None]:
    def prepare(case: Case) -> None:
        situation(case)
        case.sensor = Sensor(case.arena.second, sensor(), release_name=case.name, cleanup_data_service=True)

    return prepare


def _create_asleep(case: Case, caller: Caller) -> str:
    """Creates, and returns the number of replicas."""
    name = case.create(caller)
    return f"{name} {case.arena.server.get(case.arena.target('statefulsets', name))['spec']['replicas']}"


def _attach(case: Case, caller: Caller) -> str:
    case.create(caller)
    return case.get(caller)


def _delete(case: Case, caller: Caller) -> str:
    caller.delete(case.resource_meta)
    return "done"


def _get_cause(case: Case, caller: Caller) -> str:
    """Polls, and returns the phase with the cause of a failure."""
    resource = caller.get(case.resource_meta)
    phase = str(TaskExecution.Phase.Name(resource.phase))
    return f"{phase} {resource.custom_info['reason']}" if "FAILED" in phase else phase


def _poll(case: Case, caller: Caller) -> str:
    assert case.sensor
    return str(TaskExecution.Phase.Name(case.sensor.poll(caller)))


def _wait(case: Case, caller: Caller) -> str:
    status = Client().wait_sync(case.name, namespace=case.arena.kubernetes.namespace, timeout=2.5)
    return status.phase


def _update(case: Case, caller: Caller, *, adopt: bool = False) -> str:
    """Updates, and returns which objects have the new label."""
    owner = case.owner()
    changed = case.custom | {"Name": case.name, "Labels": {"new": "yes"}, "PodDisruptionBudget": {"minAvailable": 1}}
    namespace = case.arena.kubernetes.namespace
    Client().update_sync(changed, namespace=namespace, owner=owner.id, execution=owner.execution, adopt=adopt)
    there = case.arena.of_service(case.name)
    return " ".join(sorted(kind for kind, found in there.items() if found["metadata"]["labels"].get("new") == "yes"))


def _adopt(case: Case, caller: Caller) -> str:
    answer = _update(case, caller, adopt=True)
    # It is this execution's from now on, so that its delete takes it away.
    case.create(case.arena.second)
    case.theirs = {}
    return answer


OPERATIONS = [
    Operation("create", _nothing, Case.create, "{name}", _TRY_AGAIN, "ours"),
    Operation("create-again", _made, Case.create, "{name}", _TRY_AGAIN, "ours"),
    Operation("create-asleep", _observed(_asleep), _create_asleep, "{name} 1", _TRY_AGAIN, "ours"),
    Operation("create-the-other-half", _made_halfway, Case.create, "{name}", _TRY_AGAIN, "ours"),
    Operation("create-over-a-leftover", _left_over, Case.create, "{name}", _TRY_AGAIN, "ours"),
    Operation("create-shared", _made_by_another, Case.create, "{name}", _TRY_AGAIN, "theirs"),
    Operation(
        "create-where-a-statefulset-is",
        _stranger(foreign_stateful_set),
        Case.create,
        "ConflictError",
        _TRY_AGAIN,
        "theirs",
    ),
    Operation(
        "create-where-a-service-is", _stranger(foreign_service), Case.create, "ConflictError", _TRY_AGAIN, "theirs"
    ),
    Operation("attach", _existing, _attach, "SUCCEEDED {name}", _WAIT, "theirs"),
    Operation("get-ready", _ready, Case.get, "SUCCEEDED {name}", _WAIT, "ours"),
    Operation("get-waiting", _waiting, Case.get, "WAITING_FOR_RESOURCES", _WAIT, "ours"),
    Operation("get-failed", _failing, _get_cause, "FAILED LimitRangeRefused", _WAIT, "nothing"),
    Operation("wait", _ready, _wait, "Ready", ("DataServiceTimeoutError",), "ours"),
    Operation("update", _observed(_made), _update, _CHANGED, _TRY_AGAIN, "ours", _GUARDED),
    Operation("update-the-other-half", _observed(_made_halfway), _update, _CHANGED, _TRY_AGAIN, "ours", _GUARDED),
    Operation("update-of-anothers", _observed(_made_by_another), _update, "ConflictError", _TRY_AGAIN, "theirs"),
    Operation("adopt", _observed(_made_by_another), _adopt, _CHANGED, _TRY_AGAIN, "ours", _GUARDED),
    Operation("delete", _made, _delete, "done", _TRY_AGAIN, "nothing"),
    Operation("delete-shared", _shared, _delete, "done", _TRY_AGAIN, "theirs"),
    Operation("delete-shared-and-completed", _completed, _delete, "done", _TRY_AGAIN, "theirs"),
    Operation("sensor", _sensor(_made), _poll, "SUCCEEDED", ("RUNNING",), "nothing"),
    Operation(
        "sensor-over-a-stranger",
        _sensor(_stranger(foreign_stateful_set, foreign_service)),
        _poll,
        "NotOwnedError",
        ("RUNNING",),
        "theirs",
    ),
]
