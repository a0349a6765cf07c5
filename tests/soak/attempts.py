"""Calls that are made until they succeed, as flytepropeller makes them: at least once."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from cluster.support.connector import Execution, name_of
from flyteidl.admin import agent_pb2
from flyteidl.core.execution_pb2 import TaskExecution

from soak.calls import CallError, Calls
from soak.kinds import End
from soak.service import Service

Answer = TypeVar("Answer")

#: How long to wait between two calls, in seconds.
INTERVAL = 1.0
#: For how long, in seconds, a step of a service's life may take, with every outage in it.
PATIENCE = 120.0
#: How many errors of its polls a task survives.
MOST_FAILED_POLLS = 5
#: How many of the creates are sent twice.
TWICE = 0.25


class WrongError(Exception):
    """Something that ends the service's life in the soak, and should not have been."""


class Attempts:
    """Calls again what failed in a way that may pass."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(self, service: Service) -> bytes:
        """Creates until there is an answer; sometimes twice, as after a crash or a lost reply.

        What failed in a way that may pass is tried again, as the same attempt or as the next one.
        """
        custom = service.kind.wire(service.number)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                twice = random.random() < TWICE
                metas = (
                    self._create_twice(service, custom) if twice else [self._calls.create(custom, service.execution)]
                )
            except CallError as error:
                service.note(f"{error.message}")
                if not error.may_pass and service.kind.words and service.kind.words in error.message:
                    return b""
                if not error.may_pass and not error.is_excused:
                    raise WrongError(f"It could not be made: {error.message}") from error
                if time.monotonic() > end:
                    raise WrongError(f"It could not be made within {PATIENCE:.0f} s. {error.message}") from error
                if random.random() < 0.5:
                    service.execution = service.execution.retried()
                time.sleep(INTERVAL)
                continue
            if service.kind.end == End.REFUSED:
                raise WrongError("It was made, though its name is taken.")
            answers = {(name_of(meta), json.loads(meta)["uid"]) for meta in metas}
            if len(answers) > 1:
                raise WrongError(f"Two creates of one attempt were answered differently: {sorted(answers)}.")
            name = name_of(metas[0])
            if service.name not in (None, name):
                raise WrongError(f"It is called {name} now, and was called {service.name} before.")
            service.name = name
            service.note(f"create{' (twice)' if twice else ''} as attempt {service.execution.attempt}: {answers.pop()}")
            return metas[0]

    def _create_twice(self, service: Service, custom: dict[str, Any]) -> list[bytes]:
        """Creates the same attempt twice at the same time, and returns the answers that came."""
        metas: list[bytes] = []
        errors: list[CallError] = []

        def create(execution: Execution) -> None:
            try:
                metas.append(self._calls.create(custom, execution))
            except CallError as error:
                errors.append(error)

        threads = [threading.Thread(target=create, args=(service.execution,), daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # A permanent fault must not hide behind the other one's success.
        for error in errors:
            if not metas or not (error.may_pass or error.is_excused):
                raise error
        return metas

    def poll(self, service: Service, resource_meta: bytes) -> agent_pb2.Resource | None:
        """Polls once; None if nobody answered."""
        try:
            resource = self._calls.get(resource_meta)
        except CallError as error:
            service.note(error.message)
            if not error.is_excused:
                service.failed_polls += 1
            if service.failed_polls > MOST_FAILED_POLLS:
                raise WrongError(
                    f"{service.failed_polls} of its polls failed, after which Flyte gives up. {error.message}"
                ) from error
            return None
        phase = TaskExecution.Phase.Name(resource.phase)
        service.note_change(f"get: {phase} {resource.message}".rstrip())
        return resource

    def repeat(self, service: Service, verb: str, call: Callable[[], Answer]) -> Answer:
        """Calls until there is an answer that is neither None nor False."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                answer = call()
            except CallError as error:
                service.note(error.message)
                if not (error.may_pass or error.is_excused):
                    raise WrongError(error.message) from error
            else:
                service.note_change(f"{verb}: {'done' if answer else 'again'}")
                if answer:
                    return answer
            time.sleep(INTERVAL)
        raise WrongError(f"{verb} had no success within {PATIENCE:.0f} s.")
