"""People wait longer for an answer than Flyte does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flytekitplugins_k8sdataservice import NotFoundError, plan, update

from unit.api_server import NOT_FOUND, Answer, ApiServer

#: How long the API server takes for each answer, in seconds: longer than a poll of Flyte may take.
SLOW = 3.0

CONFIG = {"Name": "foo", "Image": "busybox"}


@pytest.fixture(autouse=True)
def _slow_cluster(silent_cluster: Path) -> Iterator[None]:
    def answer(_: str) -> Answer:
        time.sleep(SLOW)
        return NOT_FOUND

    server = ApiServer(answer)
    text = json.loads(silent_cluster.read_text())
    text["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{server.port}"
    silent_cluster.write_text(json.dumps(text))
    yield
    server.close()


def test_a_plan_waits_for_a_dry_run_that_is_slow() -> None:
    made = plan(CONFIG)
    messages = [problem.message for problem in made.problems]
    # The server answers everything with 404.
    assert made.checked and any("would refuse StatefulSet foo" in message for message in messages), messages


def test_an_update_waits_for_an_api_server_that_is_slow() -> None:
    with pytest.raises(NotFoundError, match="foo"):
        update(CONFIG)
