"""Runs of Flyte as a cluster shows them: the FlyteWorkflow objects that flytepropeller writes.

flytepropeller is played: what it writes at the end of a run was read in its source and measured on a real Flyte 1.16.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3
import yaml

from cluster.support.account import ACCOUNT
from cluster.support.api import ApiError, path, path_of
from cluster.support.connector import Execution
from cluster.support.kubernetes import Kubernetes, Object, wait_until

#: The permission to see runs.
ROLE = Path(__file__).parents[3] / "examples" / "rbac-lifetime.yaml"


def definition(group: str, version: str, kind: str) -> Object:
    """Returns the definition of a kind of Flyte's, which takes any content and has no status subresource."""
    singular = kind.lower()
    content = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": f"{singular}s", "singular": singular},
            "scope": "Namespaced",
            "versions": [{"name": version, "served": True, "storage": True, "schema": content}],
        },
    }


#: WorkflowPhase of flytepropeller.
RUNNING, SUCCEEDED, FAILED = 1, 3, 5


def define_runs(kubernetes: Kubernetes) -> None:
    """Makes the API server serve FlyteWorkflows, if it does not yet."""
    define(kubernetes, definition("flyte.lyft.com", "v1alpha1", "FlyteWorkflow"))


def define(kubernetes: Kubernetes, definition: Object) -> None:
    """Makes the API server serve a kind, if it does not yet."""
    kubernetes.apply(definition)
    plural = definition["spec"]["names"]["plural"]

    def is_served() -> bool:
        try:
            kubernetes.names(plural)
        except ApiError as error:
            assert error.status == 404, error
            return False
        except urllib3.exceptions.MaxRetryError as error:
            # It answers so while it prepares to store the first object.
            assert "429" in str(error), error
            return False
        return True

    wait_until(is_served, f"{plural} to be served")


@contextmanager
def runs_shown(kubernetes: Kubernetes, without: tuple[str, ...] = ()) -> Iterator[None]:
    """Gives the connector's account of the namespace the permission to see runs, as the example does.

    Args:
        kubernetes: The namespace.
        without: The verbs of the example that the account does not get.
    """
    role, binding = yaml.safe_load_all(ROLE.read_text())
    verbs = [verb for verb in role["rules"][0]["verbs"] if verb not in without]
    role["rules"][0]["verbs"] = verbs
    for each in (role, binding):
        each["metadata"]["name"] = kubernetes.namespace
    binding["roleRef"]["name"] = kubernetes.namespace
    binding["subjects"][0] |= {"name": ACCOUNT, "namespace": kubernetes.namespace}
    kubernetes.apply(role, binding)
    attributes = {"verb": verbs[-1], "group": "flyte.lyft.com", "resource": "flyteworkflows"}
    user = f"system:serviceaccount:{kubernetes.namespace}:{ACCOUNT}"
    review = {"spec": {"user": user, "resourceAttributes": attributes}}
    reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    try:
        wait_until(lambda: kubernetes.request("POST", reviews, review)["status"]["allowed"], "the permission")
        yield
    finally:
        for each in (binding, role):
            kubernetes.request("DELETE", path_of(each, kubernetes.namespace))


@dataclass(frozen=True)
class Run:
    """A run whose FlyteWorkflow is in the test's namespace."""

    kubernetes: Kubernetes
    execution: Execution

    @property
    def name(self) -> str:
        """Returns the run as messages name it."""
        return f"{self.kubernetes.namespace}/{self.execution.name}"

    @property
    def uid(self) -> str:
        """Returns the uid of its FlyteWorkflow."""
        found = self.kubernetes.get("flyteworkflow", self.execution.name)
        assert found
        return str(found["metadata"]["uid"])

    def end(self, phase: int) -> None:
        """Ends the run as flytepropeller does for a success and a failure: in one write."""
        patch = {
            "metadata": {"labels": {"termination-status": "terminated", "completed-time": "2026-01-01.00"}},
            "status": {"phase": phase},
        }
        self.kubernetes.merge("flyteworkflow", self.execution.name, patch)

    def abort(self) -> None:
        """Aborts the run: its object goes without having been labelled."""
        self.kubernetes.request("DELETE", path("flyteworkflow", self.kubernetes.namespace, self.execution.name))


def begin(kubernetes: Kubernetes, execution: Execution | None = None) -> Run:
    """Begins a run."""
    execution = execution or Execution(namespace=kubernetes.namespace)
    workflow: Object = {
        "apiVersion": "flyte.lyft.com/v1alpha1",
        "kind": "FlyteWorkflow",
        "metadata": {"name": execution.name, "labels": {"execution-id": execution.root or execution.name}},
        "spec": {"id": "a workflow", "nodes": {}},
        "status": {"phase": RUNNING},
    }
    kubernetes.apply(workflow)
    return Run(kubernetes, execution)
