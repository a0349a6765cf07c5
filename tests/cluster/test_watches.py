"""Watches go on, whatever happens to what they watch through."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.account import ACCOUNT, allow, kubeconfig_of_account
from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.requests import requests_counted
from cluster.support.shared import Cluster

SUCCEEDED = TaskExecution.SUCCEEDED


def scale(kubernetes: Kubernetes, replicas: int) -> None:
    kubernetes.run("scale", "statefulset", "foo", "--replicas", str(replicas))


def until_reported(connector: Connector, resource_meta: bytes, words: str, timeout: float = 30.0) -> None:
    """Polls until the answer comes from the watch, and checks that no poll fails meanwhile."""
    wait_until(lambda: words in connector.get(resource_meta).message, words, timeout)


@pytest.mark.serial
def test_an_api_server_that_starts_again_is_watched_again(
    cluster: Cluster, connector: Connector, kubernetes: Kubernetes
) -> None:
    if cluster.restart_api_server is None:
        pytest.skip("Only the local cluster's API server may be restarted by a test.")
    resource_meta = connector.create(config("foo", Replicas=0))
    assert connector.until_done(resource_meta).phase == SUCCEEDED
    for replicas in (2, 3):
        cluster.restart_api_server()
        assert connector.get(resource_meta).phase != TaskExecution.FAILED
        scale(kubernetes, replicas)
        until_reported(connector, resource_meta, f"{replicas} pods")
    until_reported(connector, resource_meta, "of 3 pods ready." if cluster.why_no_real_pods else "3 pods")
    # Each kind of object has a watch, and they do not all answer again in the same moment.
    wait_until(lambda: "has not answered" not in connector.get(resource_meta).message, "an answer to every watch", 30)
    wait_until(lambda: polls_are_free(connector, kubernetes, resource_meta), "polls without requests", 30)


def test_a_token_that_expires_is_read_again(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes, tmp_path: Path
) -> None:
    """A token ends with the Secret that it is bound to, which takes no waiting; the file then has the next one."""
    token = tmp_path / "token"
    token.write_text(bound_token(kubernetes, "first"))
    connector = start_connector(KUBECONFIG=str(kubeconfig_of_account(kubernetes, tmp_path, {"tokenFile": str(token)})))
    resource_meta = connector.create(config("foo", Replicas=0))
    assert connector.until_done(resource_meta).phase == SUCCEEDED
    kubernetes.run("delete", "secret", "first")
    until_refused(kubernetes, token.read_text())
    token.write_text(bound_token(kubernetes, "second"))
    scale(kubernetes, 2)
    # The Kubernetes client reads the file once a minute, and a watch lasts a minute.
    until_reported(connector, resource_meta, "2 pods", timeout=150)
    scale(kubernetes, 3)
    until_reported(connector, resource_meta, "3 pods", timeout=10)


def bound_token(kubernetes: Kubernetes, secret: str) -> str:
    kubernetes.run("create", "secret", "generic", secret)
    bound = ["--bound-object-kind", "Secret", "--bound-object-name", secret]
    return kubernetes.run("create", "token", ACCOUNT, *bound).strip()


def until_refused(kubernetes: Kubernetes, token: str) -> None:
    """The API server remembers a token that it has found good for some seconds."""
    review: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}

    def is_refused() -> bool:
        answer = kubernetes.run("create", "--filename", "-", "--output", "json", input=json.dumps(review))
        return not json.loads(answer)["status"].get("authenticated")

    wait_until(is_refused, "the token to count no more")
    time.sleep(0.1)


@pytest.mark.serial  # The API server counts everybody's requests.
def test_a_permission_that_is_granted_late_is_used(
    start_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    """Until then each poll reads."""
    binding = kubernetes.get("rolebinding", "k8sdataservice")
    assert binding
    kubernetes.run("delete", "rolebinding", "k8sdataservice")
    for verb in ("create", "get", "delete"):
        allow(kubernetes, verb, "statefulsets.apps")
    allow(kubernetes, "create", "services")
    connector = start_connector()
    resource_meta = connector.create(config("foo", Replicas=0))
    assert connector.until_done(resource_meta).phase == SUCCEEDED
    scale(kubernetes, 2)
    assert "2 pods" in connector.get(resource_meta).message, "read at once"
    assert not polls_are_free(connector, kubernetes, resource_meta)
    for field in ("creationTimestamp", "resourceVersion", "uid", "managedFields"):
        binding["metadata"].pop(field, None)
    kubernetes.apply(binding)
    wait_until(lambda: polls_are_free(connector, kubernetes, resource_meta), "the watch", 90)
    scale(kubernetes, 3)
    until_reported(connector, resource_meta, "3 pods", timeout=5)
    assert polls_are_free(connector, kubernetes, resource_meta)


def polls_are_free(connector: Connector, kubernetes: Kubernetes, resource_meta: bytes) -> bool:
    """Polls some times, and returns whether the API server has got no request for it."""

    def made() -> float:
        counted = requests_counted(kubernetes)
        return sum(number for (verb, kind, *_), number in counted.items() if kind == "statefulsets" and verb != "WATCH")

    before = made()
    for _ in range(20):
        connector.get(resource_meta)
    return made() == before
