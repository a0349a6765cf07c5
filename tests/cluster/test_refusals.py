"""Pods that the cluster's own rules do not allow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.support.admission import probe_pod, wait_for_admission
from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, Object
from cluster.support.objects import nothing, refusal
from cluster.support.verdicts import FAILED, Fault, until_reported

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
def test_a_policy_that_refuses_is_reported(connector: Connector, kubernetes: Kubernetes) -> None:
    wait_for_admission(kubernetes, probe_pod(), "no pods today")
    resource_meta = connector.create(config("admissionrefused"))
    until_reported(connector, resource_meta, Fault("AdmissionRefused", FAILED, "no pods today"))
    assert kubernetes.services() == nothing()


def test_a_namespace_that_is_being_deleted_takes_no_service(connector: Connector, kubernetes: Kubernetes) -> None:
    holder: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held"}}
    holder["metadata"]["finalizers"] = ["example.com/hold"]
    kubernetes.apply(holder)
    kubernetes.delete_namespace()
    try:
        message = refusal(lambda: connector.create(config("late")))
        assert "being terminated" in message
        assert "StatefulSet late" in message
    finally:
        kubernetes.run("patch", "configmap", "held", "--patch", '{"metadata":{"finalizers":null}}')
