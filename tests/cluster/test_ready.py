"""When a service is ready, and when it only seems so."""

from __future__ import annotations

import pytest
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import IMAGE, Kubernetes, Object, wait_until
from cluster.support.verdicts import FAILED, STARTS, Fault, bring_up, until_reported, variable


def in_a_crash_loop(name: str) -> Object:
    """Returns a StatefulSet of somebody else, which says nothing of how long its pods are to stand."""
    labels = {"app": name}
    container = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "sleep 1; exit 4"],
    }
    pod = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def messages_until_failed(connector: Connector, tasks: list[bytes]) -> list[set[str]]:
    """Polls tasks every 100 ms until all have failed, and returns the messages with which each waited for that."""
    reported: list[set[str]] = [set() for _ in tasks]
    failed: set[int] = set()

    def look() -> bool:
        for index in set(range(len(tasks))) - failed:
            resource = connector.get(tasks[index])
            assert resource.phase != TaskExecution.SUCCEEDED, (index, resource)
            if resource.phase == FAILED:
                failed.add(index)
            else:
                reported[index].add(resource.message)
        return len(failed) == len(tasks)

    wait_until(look, "all services to fail", timeout=180)
    return reported


@pytest.mark.serial  # A kubelet under load reports an end late (ADR 17).
@pytest.mark.long
@pytest.mark.usefixtures("real_pods")
def test_a_process_that_does_not_stay_is_never_called_ready_and_has_one_message(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    kubernetes.apply(in_a_crash_loop("theirs"))
    tasks = [
        connector.create(config("brief", Command=["sh", "-c", "sleep 0.5; exit 1"])),
        connector.create(config("almost", Command=["sh", "-c", "sleep 2; exit 2"])),
        connector.create(config("longer", Command=["sh", "-c", "sleep 4; exit 3"], MinReadySeconds=5)),
        connector.create({"ExistingReleaseName": "theirs"}),
    ]
    for code, messages in enumerate(messages_until_failed(connector, tasks), start=1):
        with_cause = {message for message in messages if "exited with code" in message}
        assert len(with_cause) == 1, messages
        assert f"exited with code {code}" in with_cause.pop()
        # Before the first end there is nothing to say, however far the pods have come.
        assert all("CrashLoopBackOff" in message for message in messages if "exited with code" in message)


@pytest.mark.usefixtures("real_pods")
def test_a_cause_that_passes_is_forgotten(connector: Connector, kubernetes: Kubernetes) -> None:
    fault = Fault("ConfigMapMissing", STARTS, "not found", container=variable("configMapKeyRef", "late", "k"))
    resource_meta = bring_up(connector, fault)
    until_reported(connector, resource_meta, fault)
    kubernetes.run("create", "configmap", "late", "--from-literal", "k=v")
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED


@pytest.mark.usefixtures("real_pods")
def test_a_service_is_not_ready_before_its_names_resolve(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("namesnotpublished"))
    # A Service that selects nothing publishes no names, however ready the pods are.
    patch = '{"spec":{"selector":{"app.kubernetes.io/instance":"%s"}}}'
    kubernetes.run("patch", "service", "namesnotpublished", "--patch", patch % "nothing")
    fault = Fault("NamesNotPublished", STARTS, "namesnotpublished-0.namesnotpublished does not resolve yet")
    until_reported(connector, resource_meta, fault)
    kubernetes.run("patch", "service", "namesnotpublished", "--patch", patch % "namesnotpublished")
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED


@pytest.mark.usefixtures("real_pods")
def test_a_service_runs_where_the_security_level_restricted_is_enforced(
    connector: Connector, kubernetes: Kubernetes
) -> None:
    kubernetes.run("label", "namespace", kubernetes.namespace, "pod-security.kubernetes.io/enforce=restricted")
    resource_meta = connector.create(config("restricted"))
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED
    mounts = "jsonpath={.spec.containers[0].volumeMounts}"
    assert kubernetes.run("get", "pod", "restricted-0", "--output", mounts) == "", "no token, and nothing else"
