"""With the documented policy the API server keeps the connector's account from other people's objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from flytekitplugins_k8sdataservice._core import Client

from cluster.support.account import ROLE, allow, kubeconfig_of_account
from cluster.support.configs import config
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.objects import foreign_service, foreign_stateful_set, nothing, one

POLICY = ROLE.with_name("admission-policy.yaml")
REFUSED = "may change and delete only what the data service plugin has made"
LABEL = {"app.kubernetes.io/managed-by": "flytekitplugins-k8sdataservice"}


@pytest.fixture
def account(kubernetes: Kubernetes, here: None, tmp_path: Path) -> Kubernetes:
    """Returns the namespace as the connector's account sees it, which may do more with it than the plugin does."""
    for resource in ("statefulsets.apps", "statefulsets.apps/scale", "services"):
        allow(kubernetes, "patch", resource)
    allow(kubernetes, "get", "statefulsets.apps/scale")
    allow(kubernetes, "deletecollection", "services")
    return Kubernetes(kubernetes.kubectl, kubeconfig_of_account(kubernetes, tmp_path), kubernetes.namespace)


@pytest.fixture
def _policy(kubernetes: Kubernetes, account: Kubernetes) -> Iterator[None]:
    """Applies the policy to the test's namespace alone, since policies belong to the whole cluster."""
    kubernetes.apply(foreign_service("probe"))
    written = POLICY.read_text()
    for there, here in [
        ("name: k8sdataservice", f"name: {kubernetes.namespace}"),
        ("policyName: k8sdataservice", f"policyName: {kubernetes.namespace}"),
        ("serviceaccount:flyte:", f"serviceaccount:{kubernetes.namespace}:"),
        ("metadata.name: flyte", f"metadata.name: {kubernetes.namespace}"),
    ]:
        assert there in written
        written = written.replace(there, here)
    kubernetes.run("apply", "--filename", "-", input=written)
    try:
        probing = ["delete", "service", "probe", "--dry-run=server"]
        wait_until(lambda: REFUSED in account.run(*probing, check=False), "the policy to count")
        kubernetes.run("delete", "service", "probe")
        yield
    finally:
        kubernetes.run("delete", "--filename", "-", input=written)


ATTEMPTS = [
    ["delete", "statefulset", "theirs"],
    ["delete", "service", "theirs"],
    ["label", "statefulset", "theirs", *(f"{key}={value}" for key, value in LABEL.items())],
    ["label", "service", "theirs", *(f"{key}={value}" for key, value in LABEL.items())],
    ["delete", "--raw", "/api/v1/namespaces/{}/services"],
    ["patch", "statefulset", "theirs", "--subresource=scale", "--patch", '{"spec": {"replicas": 3}}'],
]


def attempt(account: Kubernetes, arguments: list[str]) -> str:
    return account.run(*(each.replace("{}", account.namespace) for each in arguments), check=False)


@pytest.mark.usefixtures("_policy")
def test_the_connectors_account_cannot_touch_what_the_plugin_has_not_made(
    kubernetes: Kubernetes, account: Kubernetes
) -> None:
    kubernetes.apply(foreign_stateful_set("theirs"), foreign_service("theirs"))
    before = [kubernetes.get(kind, "theirs") for kind in ("statefulset", "service")]
    for arguments in ATTEMPTS:
        assert REFUSED in attempt(account, arguments), arguments
    assert [kubernetes.get(kind, "theirs") for kind in ("statefulset", "service")] == before
    for kind in ("statefulset", "service"):
        kubernetes.run("label", kind, "theirs", "touched=yes")
        kubernetes.run("delete", kind, "theirs")
    assert kubernetes.services() == nothing(), "others are not concerned"


def test_without_the_policy_the_role_allows_all_of_it(kubernetes: Kubernetes, account: Kubernetes) -> None:
    for arguments in ATTEMPTS:
        kubernetes.apply(foreign_stateful_set("theirs"), foreign_service("theirs"))
        answer = attempt(account, arguments)
        assert "Forbidden" not in answer and "forbidden" not in answer, answer


@pytest.mark.usefixtures("_policy")
def test_with_the_policy_services_are_made_kept_and_deleted(kubernetes: Kubernetes) -> None:
    client = Client(timeout=20)

    def make() -> None:
        client.create_sync(config("foo", Replicas=0), namespace=kubernetes.namespace, owner="me", execution="a test")

    make()
    assert client.wait_sync("foo", namespace=kubernetes.namespace, timeout=30).phase == "Ready"
    assert client.keep_sync("foo", namespace=kubernetes.namespace, owner="me", seconds=3600)
    # A new one takes the place of the kept one.
    make()
    assert kubernetes.services() == one("foo")
    assert client.delete_sync("foo", namespace=kubernetes.namespace).outcome == "Gone"
    wait_until(lambda: kubernetes.services() == nothing(), "the service to be gone")


def test_the_policy_knows_the_label_that_the_plugin_sets() -> None:
    policy = next(yaml.safe_load_all(POLICY.read_text()))
    (validation,) = policy["spec"]["validations"]
    for text in (*LABEL, *LABEL.values()):
        assert json.dumps(text) in validation["expression"]
