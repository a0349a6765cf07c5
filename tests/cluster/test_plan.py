"""Plans on a real cluster: they change nothing, and report what a create then meets."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from k8sdataservice._core import Client
from k8sdataservice.cli import diff

from cluster.support import etcd
from cluster.support.account import ROLE, allow, give_role, kubeconfig_of_account
from cluster.support.configs import config
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.plan_cases.doomed import DOOMED, SECRET, Doomed, container, namespaced, pod
from cluster.support.plan_cases.good import BESIDE, GOOD
from cluster.support.plans import make, planned, reported
from cluster.support.shared import Cluster
from cluster.support.webhook import webhook_that_refuses


@pytest.fixture
def client(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Returns a client of an administrator, which has asked the cluster before."""
    return connected(cluster.kubeconfig, monkeypatch)


def connected(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    client = Client(timeout=10)
    planned(client, "default", "warm-up")
    return client


@pytest.mark.parametrize("doomed", DOOMED, ids=lambda doomed: doomed.name.replace(" ", "-"))
def test_a_plan_reports_each_doomed_configuration_with_its_field(
    doomed: Doomed, client: Client, request: pytest.FixtureRequest
) -> None:
    own = doomed.needs_its_own_namespace
    kubernetes: Kubernetes = request.getfixturevalue("kubernetes" if own else "shared_kubernetes")
    if doomed.labels:
        labels = [f"{key}={value}" for key, value in doomed.labels.items()]
        kubernetes.run("label", "namespace", kubernetes.namespace, *labels)
    if doomed.beside:
        kubernetes.apply(*doomed.beside)
        until_counted(kubernetes)
    namespace = doomed.namespace or kubernetes.namespace
    wait_until(lambda: doomed.namespace or kubernetes.get("serviceaccount", "default"), "the service account")
    plan = planned(client, namespace, "doomed", **doomed.fields)
    message = reported(plan).get(doomed.path, "")
    assert any(words in message for words in doomed.words.split("|")), plan.problems
    assert not plan.ok


def until_counted(kubernetes: Kubernetes) -> None:
    """Waits until the quotas of the namespace count."""

    def counted() -> bool:
        quotas = kubernetes.objects("resourcequotas")
        return all(quota.get("status", {}).get("hard") for quota in quotas)

    wait_until(counted, "the quotas to count")
    # The API server's admission looks at its own copy of the namespace's quotas and limits.
    time.sleep(0.5)


@pytest.mark.long
@pytest.mark.usefixtures("real_pods")
def test_configurations_that_pass_the_plan_start(kubernetes: Kubernetes, client: Client) -> None:
    kubernetes.apply(*BESIDE)
    plans = {name: planned(client, kubernetes.namespace, name, **fields) for name, fields in GOOD.items()}
    assert {name: plan.problems for name, plan in plans.items() if not plan.ok} == {}
    for name, fields in GOOD.items():
        make(client, kubernetes.namespace, name, **fields)
    phases = {name: client.wait_sync(name, namespace=kubernetes.namespace, timeout=120) for name in GOOD}
    assert {name: status.message for name, status in phases.items() if status.phase != "Ready"} == {}
    for name, fields in GOOD.items():
        pod, real = plans[name].pod, kubernetes.get("pod", f"{name}-0")
        assert pod and (real is None) == (fields.get("Replicas") == 0)
        if real:
            assert in_common(real) == in_common(pod), name
        again = planned(client, kubernetes.namespace, name, **fields)
        assert diff.differences(again.running, again.objects) == "", name
        more = fields | {"Replicas": fields.get("Replicas", 1) + 1}
        conflict = reported(planned(client, kubernetes.namespace, name, **more))["Name"]
        only = f"differs in Replicas ({fields.get('Replicas', 1)} there, {more['Replicas']} wanted). Choose"
        assert only in conflict, "what the API server has filled in is no difference"
        other = re.compile("differs in|another configuration" if name == "labels-and-annotations" else "differs in")
        plain = planned(client, kubernetes.namespace, name, Replicas=fields.get("Replicas", 1))
        assert plain.action == "shared" or other.search(reported(plain)["Name"]), plain.problems


def in_common(pod: Object) -> Object:
    """Returns what the controller's pod and the planned one have to have in common."""
    kept = {key: pod["metadata"].get(key) for key in ("name", "namespace", "labels", "annotations")}
    kept["labels"] = {
        key: value for key, value in kept["labels"].items() if key not in ("controller-revision-hash", "execution-id")
    }
    spec: Object = json.loads(json.dumps(pod["spec"]))
    # The name of the volume with the account's token is made up for each pod, and the scheduler has chosen the node.
    spec.pop("nodeName", None)
    tokens = [volume["name"] for volume in spec.get("volumes", []) if volume["name"].startswith("kube-api-access-")]
    text = json.dumps(spec, sort_keys=True)
    for token in tokens:
        text = text.replace(token, "kube-api-access")
    return kept | {"spec": json.loads(text)}


@pytest.mark.serial  # Every new Service changes the allocation of addresses.
def test_nothing_is_kept(cluster: Cluster, kubernetes: Kubernetes, client: Client) -> None:
    if cluster.etcd is None:
        pytest.skip("Only the local cluster's etcd can be looked into.")
    kubernetes.apply(SECRET)
    make(client, kubernetes.namespace, "there", Replicas=0)
    settled = client.wait_sync("there", namespace=kubernetes.namespace, timeout=30)
    assert settled.phase == "Ready"
    time.sleep(1)
    began = etcd.revision(cluster.etcd)
    claims = pod(volumes=[{"name": "v", "secret": {"secretName": "database"}}])
    assert planned(client, kubernetes.namespace, "new", Replicas=3, **claims).ok
    planned(client, kubernetes.namespace, "there", Replicas=0)
    assert not planned(client, kubernetes.namespace, "there", Replicas=1).ok
    assert not planned(
        client, kubernetes.namespace, "new", **container(volumeMounts=[{"name": "x", "mountPath": "/"}])
    ).ok
    time.sleep(1)
    kubernetes.apply(namespaced("ConfigMap", "the-end"))
    written = etcd.written_since(cluster.etcd, began, until=f"/{kubernetes.namespace}/the-end")
    # The objects of the namespace, and the allocation of addresses.
    concerned = [key for key in written if f"/{kubernetes.namespace}/" in key or key.startswith("/registry/ranges/")]
    assert concerned == []


def test_an_unchanged_service_has_no_differences(kubernetes: Kubernetes, client: Client) -> None:
    make(client, kubernetes.namespace, "foo", Replicas=0)
    plan = planned(client, kubernetes.namespace, "foo", Replicas=0)
    assert (plan.action, plan.ok) == ("shared", True)
    assert diff.differences(plan.running, plan.objects) == ""
    assert [each["kind"] for each in plan.running] == ["StatefulSet", "Service"]
    assert any("execution f1" in note for note in plan.notes)
    mine = client.plan_sync(config("foo", Replicas=0), namespace=kubernetes.namespace, owner="a-run", execution="f1")
    assert mine.action == "unchanged"


def test_a_plan_shows_changes_and_conflicts(kubernetes: Kubernetes, client: Client) -> None:
    make(client, kubernetes.namespace, "foo", Replicas=0, **container(env=[{"name": "A", "value": "1"}]))
    plan = planned(client, kubernetes.namespace, "foo", Replicas=0, Image="busybox:1.35")
    assert plan.action == "conflict"
    assert "differs in Image" in reported(plan)["Name"]
    lines = diff.differences(plan.running, plan.objects).splitlines()
    changes = {line[1:].strip() for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")}
    assert "image: busybox:1.35" in changes and "- name: A" in changes, lines
    assert not any(noise in line for line in changes for noise in ("uid", "resourceVersion", "status", "execution"))
    [update] = [note for note in plan.notes if "an update" in note]
    assert update.endswith("changes it, and replaces its pods: Env.A is gone, Image busybox:latest -> busybox:1.35.")


def test_fields_that_no_update_can_change_are_reported(kubernetes: Kubernetes, client: Client) -> None:
    make(client, kubernetes.namespace, "foo", Replicas=0)
    plan = planned(client, kubernetes.namespace, "foo", Replicas=0, PodManagementPolicy="OrderedReady")
    assert "differs in PodManagementPolicy." in reported(plan)["Name"]
    assert any("Kubernetes does not change PodManagementPolicy" in note for note in plan.notes), plan.notes
    more = planned(client, kubernetes.namespace, "foo", Replicas=1)
    assert any(note.endswith("leaves its pods as they are: Replicas 0 -> 1.") for note in more.notes), more.notes


def test_of_somebody_elses_objects_nothing_is_reported(kubernetes: Kubernetes, client: Client) -> None:
    theirs = next(doomed for doomed in DOOMED if doomed.name == "somebody's StatefulSet")
    kubernetes.apply(*theirs.beside)
    assert planned(client, kubernetes.namespace, "doomed").running == []


def test_the_content_of_a_secret_is_never_shown(kubernetes: Kubernetes, client: Client) -> None:
    kubernetes.apply(SECRET)
    reference = {"secretKeyRef": {"name": "database", "key": "user"}}
    fields = container(
        env=[
            {"name": "DB", "valueFrom": reference},
            {"name": "X", "valueFrom": {"secretKeyRef": {"name": "database", "key": "y"}}},
        ]
    )
    plan = planned(client, kubernetes.namespace, "foo", **fields)
    assert len(plan.problems) == 1
    everything = json.dumps(
        [plan.objects, plan.pod, plan.running, plan.notes, [each.message for each in plan.problems]]
    )
    assert "a-secret-value" not in everything and "YS1zZWNyZXQtdmFsdWU" not in everything


def test_an_account_is_reported_what_it_may_not_check(
    kubernetes: Kubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_role(kubernetes)
    account = connected(kubeconfig_of_account(kubernetes, tmp_path), monkeypatch)
    fields = container(envFrom=[{"secretRef": {"name": "nowhere"}}])
    plan = planned(account, kubernetes.namespace, "foo", **fields)
    assert plan.ok, plan.problems
    for words in [
        "whether Kubernetes accepts Pod foo-0; the dry run was skipped: not allowed to create pods",
        "whether Secret nowhere exists",
        "room for all pods; the account may not list resourcequotas",
        "room for the pods; the account may not list nodes",
    ]:
        assert any(words in note for note in plan.notes), (words, plan.notes)
    # It makes the checks that it has permission for.
    assert not planned(account, kubernetes.namespace, "foo", **pod(restartPolicy="Never")).ok
    allow(kubernetes, "get", "secrets")
    wait_until(
        lambda: (
            "Secret nowhere does not exist" in str(reported(planned(account, kubernetes.namespace, "foo", **fields)))
        ),
        "the permission to count",
    )


@pytest.fixture
def planner(kubernetes: Kubernetes) -> Iterator[None]:
    """Gives the account the permissions of examples/rbac-plan-update.yaml, and no others."""
    give_role(kubernetes, None)
    name = f"plan-{kubernetes.namespace}"
    for each in yaml.safe_load_all((ROLE.parent / "rbac-plan-update.yaml").read_text()):
        of_cluster = each["kind"].startswith("Cluster")
        for subject in each.get("subjects", []):
            subject["namespace"] = kubernetes.namespace
        if of_cluster:
            # The cluster-scoped objects are this test's alone, and are deleted with it.
            each["metadata"]["name"] = name
            each.get("roleRef", {})["name"] = name
        kubernetes.apply(each)
    yield
    kubernetes.run("delete", "clusterrole,clusterrolebinding", name)


@pytest.mark.usefixtures("planner")
def test_the_documented_permissions_let_an_account_check_everything_and_update(
    kubernetes: Kubernetes, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(client, kubernetes.namespace, "foo", Replicas=0)
    account = connected(kubeconfig_of_account(kubernetes, tmp_path), monkeypatch)
    kubernetes.apply(SECRET, namespaced("ConfigMap", "settings", data={"a": "b"}))
    everything = {
        "Env": {"DB": {"secretKeyRef": {"name": "databas", "key": "user"}}},
        "EnvFrom": [{"configMapRef": {"name": "setting"}}],
        "Volumes": [{"name": "v", "mountPath": "/v", "persistentVolumeClaim": {"claimName": "gone"}}],
        "VolumeClaimTemplates": [{"name": "c", "mountPath": "/c", "size": "1Mi", "storageClassName": "gone"}],
        "PriorityClass": "gone",
        "RuntimeClass": "gone",
        "ServiceAccount": "gone",
        "PodDisruptionBudget": {"maxUnavailable": 1},
        "NetworkPolicy": True,
    }
    plan = planned(account, kubernetes.namespace, "bar", **everything)
    assert not [note for note in plan.notes if "Not checked" in note], plan.notes
    assert set(reported(plan)) >= {
        "Env.DB",
        "EnvFrom[0].configMapRef.name",
        "Volumes[0].persistentVolumeClaim.claimName",
        "VolumeClaimTemplates[0].storageClassName",
        "PriorityClass",
        "RuntimeClass",
        "ServiceAccount",
    }
    assert "did you mean `database`?" in reported(plan)["Env.DB"]
    assert planned(account, kubernetes.namespace, "good").fit
    del everything["VolumeClaimTemplates"], everything["PriorityClass"], everything["RuntimeClass"]
    changed = config("foo", Replicas=0, **everything)
    where: dict[str, Any] = {
        "namespace": kubernetes.namespace,
        "owner": "a-run",
        "execution": "a test",
        "adopt": False,
        "timeout": 10,
    }
    assert account.update_sync(changed, **where).changes
    assert kubernetes.names("poddisruptionbudgets") == ["foo"]
    assert account.update_sync(config("foo", Replicas=0), **where).changes
    assert not kubernetes.names("poddisruptionbudgets")
    status = account.get_sync("foo", namespace=kubernetes.namespace)
    assert status.phase == "Ready", status.message


def test_an_account_without_any_right_gets_the_objects_as_they_are_sent(
    kubernetes: Kubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_role(kubernetes, None)
    account = connected(kubeconfig_of_account(kubernetes, tmp_path), monkeypatch)
    plan = planned(account, kubernetes.namespace, "foo")
    assert not plan.checked and not plan.ok
    assert [each["kind"] for each in plan.objects] == ["StatefulSet", "Service"]
    assert "revisionHistoryLimit" not in plan.objects[0]["spec"]
    assert any("whether Kubernetes accepts StatefulSet foo" in note for note in plan.notes)
    assert any("whether there is a StatefulSet foo already" in note for note in plan.notes)


@pytest.fixture
def no_pods(kubernetes: Kubernetes) -> Iterator[str]:
    """Gives the namespace a policy of two rules, one of them with a message."""
    name, version = kubernetes.namespace, "admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    match = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    validations: list[dict[str, Any]] = [
        {"expression": "!has(object.spec.nodeSelector)", "message": "spec.nodeSelector is not for you"},
        {"expression": "object.spec.containers.size() < 2", "message": "one is enough"},
    ]
    specs = {
        "ValidatingAdmissionPolicy": {"matchConstraints": {"resourceRules": [rule]}, "validations": validations},
        "ValidatingAdmissionPolicyBinding": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": match,
        },
    }
    kubernetes.apply(*(namespaced(kind, name, version, spec=spec) for kind, spec in specs.items()))
    yield name
    kubernetes.run("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name)


@pytest.mark.usefixtures("no_pods")
def test_a_refusal_of_a_policy_names_its_field(kubernetes: Kubernetes, client: Client) -> None:
    selective = {"NodeSelector": {"kubernetes.io/os": "linux"}}
    refused = wait_until(
        lambda: reported(planned(client, kubernetes.namespace, "foo", **selective)), "the policy to count"
    )
    assert "is not for you" in refused["NodeSelector"]
    two = pod(containers=[{"name": "beside", "image": "busybox"}])
    plan = planned(client, kubernetes.namespace, "foo", **two)
    assert "one is enough" in reported(plan)["DataServiceConfig"]


def test_a_namespace_that_is_being_deleted_is_reported(kubernetes: Kubernetes, client: Client) -> None:
    holder = namespaced("ConfigMap", "held")
    holder["metadata"]["finalizers"] = ["example.com/hold"]
    kubernetes.apply(holder)
    kubernetes.delete_namespace()
    try:
        plan = planned(client, kubernetes.namespace, "late")
        assert list(reported(plan)) == ["Namespace"] and "being terminated" in reported(plan)["Namespace"]
    finally:
        kubernetes.run("patch", "configmap", "held", "--patch", '{"metadata":{"finalizers":null}}')


@pytest.fixture
def on_this_machine(cluster: Cluster) -> None:
    """Skips a test whose API server has to reach this process."""
    if cluster.etcd is None:
        pytest.skip("Only the local cluster's API server reaches a webhook in this process.")


@pytest.mark.usefixtures("on_this_machine")
def test_a_refusal_of_a_webhook_is_reported(kubernetes: Kubernetes, client: Client, tmp_path: Path) -> None:
    with webhook_that_refuses(kubernetes, tmp_path):
        refused = reported(planned(client, kubernetes.namespace, "foo"))
        assert "images come from our own registry" in refused["DataServiceConfig"]


@pytest.mark.usefixtures("on_this_machine")
def test_a_webhook_that_is_away_is_no_problem_of_the_configuration(
    kubernetes: Kubernetes, client: Client, tmp_path: Path
) -> None:
    gone = kubernetes.namespace
    with webhook_that_refuses(kubernetes, tmp_path):
        address = [{"op": "replace", "path": "/webhooks/0/clientConfig/url", "value": "https://127.0.0.1:9/"}]
        kubernetes.run("patch", "validatingwebhookconfiguration", gone, "--type=json", f"--patch={json.dumps(address)}")
        plan = wait_until(
            lambda: next(
                (plan for plan in [planned(client, kubernetes.namespace, "foo")] if plan.notes and plan.ok), None
            ),
            "the webhook to be away",
        )
        assert any("failed calling webhook" in note for note in plan.notes)
