"""With the documented policy the API server keeps the connector's account from other people's objects."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flytekitplugins_k8sdataservice import DataServiceError, UnavailableError
from k8sdataservice._core import Client

from cluster.support.account import ROLE, allow, kubeconfig_of_account
from cluster.support.admission import PROBE, wait_for_admission
from cluster.support.configs import config
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.objects import foreign_service, foreign_stateful_set, nothing, one
from cluster.support.shared import Cluster
from cluster.support.webhook import webhook_of_stateful_sets

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
    wait_until(lambda: kubernetes.has_seen("theirs"), "Kubernetes to have seen the StatefulSet")
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


@pytest.fixture
def _on_this_machine(cluster: Cluster) -> None:
    """Skips a test whose API server has to reach this process."""
    if cluster.etcd is None:
        pytest.skip("Only the local cluster's API server reaches a webhook in this process.")


def create(kubernetes: Kubernetes, timeout: float = 6.0, **fields: Any) -> str:
    """Returns the error of a create, which has made nothing."""
    with pytest.raises(DataServiceError) as raised:
        Client(timeout=timeout).create_sync(
            config("foo", Replicas=0, **fields), namespace=kubernetes.namespace, owner="me", execution="a test"
        )
    assert kubernetes.services() == nothing()
    passes = isinstance(raised.value, UnavailableError)
    assert passes == ("This may be temporary" in str(raised.value))
    return str(raised.value)


@pytest.mark.usefixtures("_on_this_machine", "here")
def test_a_denial_of_a_webhook_keeps_its_words(kubernetes: Kubernetes, tmp_path: Path) -> None:
    with webhook_of_stateful_sets(kubernetes, tmp_path):
        message = create(kubernetes)
        assert f"StatefulSet foo in namespace {kubernetes.namespace}" in message
        assert 'admission webhook "images.example.com" denied the request: images come from our own registry' in message
        assert "may pass" not in message


@pytest.mark.usefixtures("_on_this_machine", "here")
def test_a_webhook_that_does_not_answer_or_has_no_service_is_named(kubernetes: Kubernetes, tmp_path: Path) -> None:
    end = threading.Event()

    def wait(_: Object) -> Object:
        end.wait(30)
        return {"allowed": True}

    missing = {"service": {"namespace": kubernetes.namespace, "name": "no-such-webhook", "port": 443}}
    for client, words in [(None, "deadline exceeded"), (missing, 'service "no-such-webhook" not found')]:
        with webhook_of_stateful_sets(kubernetes, tmp_path, wait, client):
            message = create(kubernetes)
            assert f"StatefulSet foo in namespace {kubernetes.namespace}" in message
            assert "images.example.com" in message and words in message
            assert "This may be temporary" in message
            end.set()
            end = threading.Event()


POLICY_API = "admissionregistration.k8s.io/v1"


@pytest.fixture
def _mirror(kubernetes: Kubernetes) -> Iterator[None]:
    """Lets a policy of the cluster rewrite the images of StatefulSets of the test's namespace to a mirror."""
    kinds = kubernetes.run("api-resources", "--api-group=admissionregistration.k8s.io", "--output=name")
    served = kubernetes.run("get", "--raw", f"/apis/{POLICY_API}")
    if "mutatingadmissionpolicies" not in kinds or "mutatingadmissionpolicies" not in served:
        pytest.skip("MutatingAdmissionPolicy is v1 from Kubernetes 1.36 on.")
    expression = (
        "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: "
        "object.spec.template.spec.containers.map(c, Object.spec.template.spec.containers{name: c.name, "
        'image: c.image.startsWith("mirror.example/") ? c.image : "mirror.example/" + c.image})}}}}'
    )
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
    policy = {
        "apiVersion": POLICY_API,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": kubernetes.namespace},
        "spec": {
            "matchConstraints": {"resourceRules": [rule | {"resources": ["statefulsets"]}]},
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        },
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": kubernetes.namespace}}
    binding = {
        "apiVersion": POLICY_API,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": kubernetes.namespace},
        "spec": {"policyName": kubernetes.namespace, "matchResources": {"namespaceSelector": selector}},
    }
    kubernetes.apply(policy, binding)
    try:
        wait_for_admission(kubernetes, foreign_stateful_set(PROBE), "mirror.example")
        yield
    finally:
        for kind in ("mutatingadmissionpolicybinding", "mutatingadmissionpolicy"):
            kubernetes.run("delete", kind, kubernetes.namespace)


@pytest.mark.usefixtures("_mirror", "here")
def test_a_plan_and_an_update_report_the_changes_of_a_policy(kubernetes: Kubernetes) -> None:
    allow(kubernetes, "patch", "statefulsets.apps")
    allow(kubernetes, "patch", "services")
    client = Client(timeout=10)
    wanted = config("foo", Replicas=0)
    image = wanted["Image"]
    words = (
        "Admission in the cluster, such as a webhook or a policy, changes what the configuration says: "
        f"Image {image} -> mirror.example/{image}."
    )
    place: dict[str, Any] = {"namespace": kubernetes.namespace, "owner": "me", "execution": "a test"}
    assert words in client.plan_sync(wanted, **place).notes
    client.create_sync(wanted, **place)
    assert words in client.plan_sync(wanted, **place).notes
    for fields, changes in (({}, []), ({"Port": 5}, ["Port 40000 -> 5"]), ({"Port": 5}, [])):
        updated = client.update_sync(wanted | fields, **place)
        assert updated.changes == changes
        assert words in updated.message
