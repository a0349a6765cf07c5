"""When a service is ready, and when it only seems so."""

from __future__ import annotations

import pytest
from flyteidl.core.execution_pb2 import TaskExecution

from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes
from cluster.support.verdicts import FAILED, STARTS, Fault, bring_up, until_told, variable


@pytest.mark.usefixtures("real_pods")
def test_a_service_that_dies_at_once_is_never_called_ready(connector: Connector) -> None:
    resource_meta = connector.create(config("brief", Command=["sh", "-c", "sleep 0.5; exit 1"]))
    assert connector.until_done(resource_meta, timeout=120).phase == FAILED


@pytest.mark.usefixtures("real_pods")
def test_a_cause_that_passes_is_forgotten(connector: Connector, kubernetes: Kubernetes) -> None:
    fault = Fault("ConfigMapMissing", STARTS, "not found", container=variable("configMapKeyRef", "late", "k"))
    resource_meta = bring_up(connector, fault)
    until_told(connector, resource_meta, fault)
    kubernetes.run("create", "configmap", "late", "--from-literal", "k=v")
    assert connector.until_done(resource_meta).phase == TaskExecution.SUCCEEDED


@pytest.mark.usefixtures("real_pods")
def test_a_service_is_not_ready_before_its_names_resolve(connector: Connector, kubernetes: Kubernetes) -> None:
    resource_meta = connector.create(config("namesnotpublished"))
    # A Service that selects nothing publishes no names, however ready the pods are.
    patch = '{"spec":{"selector":{"app.kubernetes.io/instance":"%s"}}}'
    kubernetes.run("patch", "service", "namesnotpublished", "--patch", patch % "nothing")
    fault = Fault("NamesNotPublished", STARTS, "namesnotpublished-0.namesnotpublished does not resolve yet")
    until_told(connector, resource_meta, fault)
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
