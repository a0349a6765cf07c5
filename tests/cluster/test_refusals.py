"""Pods that the cluster's own rules do not allow."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, Object
from cluster.support.objects import nothing, refusal
from cluster.support.verdicts import FAILED, Fault, until_told

ADMISSION = "admissionregistration.k8s.io/v1"


@pytest.fixture
def policy(kubernetes: Kubernetes) -> Iterator[None]:
    """Gives the namespace a policy that allows no pod."""
    name = kubernetes.namespace
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    kubernetes.apply(
        {
            "apiVersion": ADMISSION,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": "false", "message": "no pods today"}],
            },
        },
        {
            "apiVersion": ADMISSION,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}},
            },
        },
    )
    yield
    kubernetes.run("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name)


@pytest.mark.usefixtures("policy")
def test_a_policy_that_refuses_is_told(connector: Connector, kubernetes: Kubernetes) -> None:
    until_refused(kubernetes)
    resource_meta = connector.create(config("admissionrefused"))
    until_told(connector, resource_meta, Fault("AdmissionRefused", FAILED, "no pods today"))
    assert kubernetes.services() == nothing()


def until_refused(kubernetes: Kubernetes) -> None:
    """The API server needs a moment until a new policy counts."""
    probe: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}}
    probe["spec"] = {"containers": [{"name": "c", "image": "i"}]}
    create = ["create", "--dry-run=server", "--filename", "-"]
    for _ in range(100):
        if "no pods today" in kubernetes.run(*create, input=json.dumps(probe), check=False):
            return
    raise AssertionError("The policy never counted.")


def test_a_namespace_that_is_being_deleted_takes_no_service(connector: Connector, kubernetes: Kubernetes) -> None:
    holder: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held"}}
    holder["metadata"]["finalizers"] = ["example.com/hold"]
    kubernetes.apply(holder)
    kubernetes.run("delete", "namespace", kubernetes.namespace, "--wait=false")
    try:
        message = refusal(lambda: connector.create(config("late")))
        assert "being terminated" in message
        assert "StatefulSet late" in message
    finally:
        kubernetes.run("patch", "configmap", "held", "--patch", '{"metadata":{"finalizers":null}}')
