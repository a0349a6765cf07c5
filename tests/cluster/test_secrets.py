"""Secrets of a service and of its connector's credentials are shown to nobody."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.account import kubeconfig_of_account
from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes
from cluster.support.objects import refusal

CANARY = "canary-7d1c8a52"


@pytest.mark.parametrize("level", ["10", "20"])
def test_a_command_is_in_its_pods_and_nowhere_else(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, level: str
) -> None:
    connector = start_connector(FLYTE_SDK_LOGGING_LEVEL=level)
    command = ["sh", "-c", "sleep 1000", CANARY]
    resource_meta = connector.create(config("foo", Command=command, Replicas=0))
    resource = connector.until_done(resource_meta)
    assert resource.phase == TaskExecution.SUCCEEDED
    # Another run wants something else under that name, and learns which field differs, and not its value.
    for other in ([*command, "more"], ["sh", "-c", "sleep 1000", f"{CANARY}-2"], None):
        message = refusal(partial(connector.create, config("foo", Command=other, Replicas=0)))
        assert "differs in Command (from word " in message
        assert CANARY not in message
    message = refusal(lambda: connector.create(config("bar", Command=["sh", {"password": CANARY}])))
    assert "Command[1] must be a string" in message
    message += refusal(lambda: connector.create(config("bar", Command=["x" * 2_000_000, CANARY])))
    connector.delete(resource_meta)
    for words in (message, resource_meta.decode(), str(resource), connector.log.read_text()):
        assert CANARY not in words


def test_a_token_that_does_not_count_is_reported_without_its_words(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubeconfig = kubeconfig_of_account(kubernetes, tmp_path, {"token": CANARY})
    connector = start_connector(KUBECONFIG=str(kubeconfig), FLYTE_SDK_LOGGING_LEVEL="10")
    message = refusal(lambda: connector.create(config("foo")))
    assert "The API server rejects the credentials of user" in message and "(Unauthorized)" in message
    assert CANARY not in message + connector.log.read_text()
