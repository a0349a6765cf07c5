"""Calls in flight."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from flyteidl.service.agent_pb2_grpc import AsyncAgentServiceStub

from bench.connectors import CHANNEL_OPTIONS, Connector

IN_FLIGHT = 32

_TURNS = 6

T = TypeVar("T")
R = TypeVar("R")


@asynccontextmanager
async def stubs(connectors: Sequence[Connector]) -> AsyncIterator[dict[str, Any]]:
    """Connects to each connector by one channel, as Flyte does to each replica."""
    async with AsyncExitStack() as stack:
        yield {
            connector.who: AsyncAgentServiceStub(
                await stack.enter_async_context(grpc.aio.insecure_channel(connector.target, options=CHANNEL_OPTIONS))
            )
            for connector in connectors
        }


@dataclass
class Tally:
    """How many calls were answered, and in which time."""

    answered: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """How many in each second."""
        return self.answered / self.seconds


async def keep_in_flight(call: Callable[[], Awaitable[None]], seconds: float, tally: Tally | None = None) -> None:
    """Keeps calls in flight for some time, and adds to a tally how many were answered."""
    began = time.perf_counter()
    answered = 0

    async def caller() -> None:
        nonlocal answered
        while time.perf_counter() - began < seconds:
            await call()
            answered += 1

    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
    if tally:
        tally.answered += answered
        tally.seconds += time.perf_counter() - began


def turns(items: Sequence[T], round: int) -> list[T]:
    """Returns the items several times, each time in another order, for a round that is fair to all.

    What another program takes of the machine for a second or two is then taken from each of them.
    """
    return [item for turn in range(_TURNS) for item in rotated(items, round + turn)]


async def call_each(call: Callable[[T], Awaitable[R]], arguments: Sequence[T]) -> list[R]:
    """Makes a call for each argument, so many at once, and returns the answers in the same order."""
    permits = asyncio.Semaphore(IN_FLIGHT)

    async def permitted(argument: T) -> R:
        async with permits:
            return await call(argument)

    return await asyncio.gather(*(permitted(argument) for argument in arguments))


def rotated(items: Sequence[T], round: int) -> list[T]:
    """Returns the items in another order each round, so that none is always the one after a busy one."""
    start = round % len(items)
    return [*items[start:], *items[:start]]
