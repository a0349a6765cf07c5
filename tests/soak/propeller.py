"""A simulated flytepropeller: it takes one service through its life, with at-least-once calls and whoever answers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

from cluster.support.connector import outputs_of
from flyteidl.admin import agent_pb2
from flyteidl.core.execution_pb2 import TaskExecution
from flytekitplugins_k8sdataservice import DataServiceMetadata

from soak.admin import Admin, AwayError
from soak.attempts import INTERVAL, PATIENCE, Attempts, WrongError
from soak.calls import SENSOR, Calls
from soak.findings import Findings
from soak.kinds import End
from soak.readiness import why_not_ready
from soak.service import Service

#: How long, in seconds, a service that is ready is used, at least and at most.
USED = (1.0, 12.0)

SUCCEEDED, FAILED = TaskExecution.SUCCEEDED, TaskExecution.FAILED
ENDS = (SUCCEEDED, FAILED, TaskExecution.RETRYABLE_FAILED, TaskExecution.ABORTED, TaskExecution.UNDEFINED)


class Propeller:
    """Drives services; any number at once, each from a thread of its own."""

    def __init__(self, calls: Calls, admin: Admin, findings: Findings, over: Callable[[Service], None]) -> None:
        """Takes what it needs.

        Args:
            calls: Of the connectors.
            admin: To look at the cluster.
            findings: Told of what is wrong.
            over: Called when a service is over, and nothing of it may be left.
        """
        self._calls = calls
        self._attempts = Attempts(calls)
        self._admin = admin
        self._findings = findings
        self._over = over

    def live(self, service: Service) -> None:
        """Takes a service through its life."""
        began = service.clock.now()
        try:
            {
                End.USED: self._use,
                End.RETRIED: self._retry,
                End.ABORTED: self._abort_while_coming_up,
                End.FAILED: self._fail,
                End.LOST: self._lose,
                End.REFUSED: self._be_refused,
            }[service.kind.end](service)
        except WrongError as error:
            self._findings.add(str(error), service)
            self._remove(service)
        except Exception as error:
            self._findings.add(f"The soak itself failed: {type(error).__name__}: {error}", service)
        service.seconds = service.clock.now() - began
        self._over(service)

    def _remove(self, service: Service) -> None:
        """Deletes the rest of a service that was wrong, so that it is reported once and disturbs nothing."""
        for collection in (self._admin.stateful_sets, self._admin.services) if service.name else ():
            with suppress(AwayError):
                options = {"propagationPolicy": "Background"}
                self._admin.until_answered("DELETE", f"{collection}/{service.name}", options)

    def _use(self, service: Service) -> None:
        self._until_ready(service, self._attempts.create(service))
        time.sleep(random.uniform(*USED))
        self._sense(service)

    def _retry(self, service: Service) -> None:
        resource_meta = self._attempts.create(service)
        self._poll_for(service, resource_meta, may_be_ready=True)
        self._abort(service, resource_meta)
        service.execution = service.execution.retried()
        self._use(service)

    def _abort_while_coming_up(self, service: Service) -> None:
        resource_meta = self._attempts.create(service)
        self._poll_for(service, resource_meta, may_be_ready=False)
        self._abort(service, resource_meta)

    def _fail(self, service: Service) -> None:
        resource = self._until_done(service, self._attempts.create(service))
        self._expect(service, resource, FAILED)

    def _lose(self, service: Service) -> None:
        resource_meta = self._attempts.create(service)
        time.sleep(random.uniform(0, 3))
        service.note("somebody deletes the StatefulSet")
        path = f"{self._admin.stateful_sets}/{service.name}"
        self._admin.until_answered("DELETE", path, {"propagationPolicy": "Background"})
        self._expect(service, self._until_done(service, resource_meta), FAILED)

    def _be_refused(self, service: Service) -> None:
        self._attempts.create(service)

    def _poll_for(self, service: Service, resource_meta: bytes, may_be_ready: bool) -> None:
        """Polls for as long as the kind has patience; it must not have failed meanwhile."""
        end = time.monotonic() + random.uniform(*service.kind.patience)
        while time.monotonic() < end:
            resource = self._attempts.poll(service, resource_meta)
            if resource and resource.phase in ENDS:
                self._expect(service, resource, SUCCEEDED)
                if not may_be_ready and service.kind.title == "never ready":
                    raise WrongError("It was answered SUCCEEDED, though it asks for what no node has.")
                self._check_ready(service, resource_meta)
                return
            time.sleep(INTERVAL)

    def _until_done(self, service: Service, resource_meta: bytes) -> agent_pb2.Resource:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            resource = self._attempts.poll(service, resource_meta)
            if resource and resource.phase in ENDS:
                return resource
            time.sleep(INTERVAL)
        last = f" The last answer was {resource.message!r}" if resource else ""
        raise WrongError(f"Its task did not end within {PATIENCE:.0f} s.{last}")

    def _until_ready(self, service: Service, resource_meta: bytes) -> None:
        resource = self._until_done(service, resource_meta)
        self._expect(service, resource, SUCCEEDED)
        if outputs_of(resource) != {"name": service.name}:
            raise WrongError(f"Its outputs are {outputs_of(resource)}.")
        self._check_ready(service, resource_meta)

    def _check_ready(self, service: Service, resource_meta: bytes) -> None:
        """Looks whether what was answered SUCCEEDED is so."""
        path = f"{self._admin.stateful_sets}/{service.name}"
        stateful_set = self._admin.until_answered("GET", path)
        uid = DataServiceMetadata.decode(resource_meta).uid or ""
        if reason := why_not_ready(stateful_set, uid, service.kind.replicas):
            raise WrongError(f"It was answered SUCCEEDED, but {reason}.")

    def _expect(self, service: Service, resource: agent_pb2.Resource, phase: int) -> None:
        answered, wanted = (TaskExecution.Phase.Name(each) for each in (resource.phase, phase))
        if answered != wanted:
            raise WrongError(f"It was answered {answered} instead of {wanted}: {resource.message}")
        if phase == FAILED and service.kind.words not in resource.message:
            raise WrongError(f"It failed for another reason than it should: {resource.message}")

    def _abort(self, service: Service, resource_meta: bytes) -> None:
        """Deletes until that is answered, and sometimes once more."""
        for _ in range(1 + (random.random() < 0.25)):
            self._attempts.repeat(service, "delete", lambda: self._calls.delete(resource_meta))

    def _sense(self, service: Service) -> None:
        """Lets a sensor take the service away, by its name."""
        name = service.name
        assert name
        sensor = self._attempts.repeat(service, "create sensor", lambda: self._calls.create_sensor(name))

        def poke() -> bool:
            phase = self._calls.get(sensor, SENSOR).phase
            if phase not in (SUCCEEDED, TaskExecution.RUNNING):
                raise WrongError(f"Its sensor was answered {TaskExecution.Phase.Name(phase)}.")
            return bool(phase == SUCCEEDED)

        self._attempts.repeat(service, "poke", poke)
