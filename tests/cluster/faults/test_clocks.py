"""A connector whose clock is wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.support.connector import Connector
from cluster.support.faults.arena import Arena
from cluster.support.faults.judge import Outcome, all_hold, answer_at_last, check_next, check_now, holds
from cluster.support.faults.operations import OPERATIONS, Case, Operation

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="a clock is put wrong with a library, on Linux with cc"
)

#: How wrong: longer than every grace period after which a service that waits has failed, in seconds.
OFFSETS = {"an-hour-behind": -3600, "right": 0, "an-hour-ahead": 3600}


@pytest.fixture(scope="module", params=list(OFFSETS.values()), ids=list(OFFSETS))
def connector(
    shared_arena: Arena, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connector]:
    """Returns a connector with a clock of its own."""
    folder: Path = tmp_path_factory.mktemp("clock")
    library = folder / "wrong_clock.so"
    source = Path(__file__).parents[1] / "support" / "faults" / "wrong_clock.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    variables = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(request.param)}
    connector = Connector(shared_arena.environment | variables, folder / "connector.log")
    yield connector
    connector.stop()


def test_a_wrong_clock_changes_no_answer(arena: Arena, connector: Connector) -> None:
    def run(operation: Operation) -> Callable[[], Outcome]:
        case = Case(arena)

        def body() -> None:
            operation.prepare(case)
            answer = answer_at_last(operation, case, connector)
            assert answer == operation.right.format(name=case.name), f"answered with {answer}"
            check_now(operation, case)
            check_next(operation, case)

        return lambda: holds(operation.name, "on a wrong clock", case, body)

    all_hold(arena, [run(operation) for operation in OPERATIONS if operation.name != "wait"])
