"""The effects of the fields, in pods that run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from flytekitplugins_k8sdataservice import DataServiceConfig, ForbiddenError, InvalidSpecError, NotFoundError, endpoints
from k8sdataservice._core import Client, Created, Status

from cluster.support.account import allow
from cluster.support.configs import STAND, TINY, config
from cluster.support.kubernetes import IMAGE, Kubernetes, Object, wait_until
from cluster.support.objects import nothing

pytestmark = pytest.mark.usefixtures("here", "real_pods")


def create(kubernetes: Kubernetes, given: Object, owner: str = "me") -> Created:
    return Client().create_sync(given, namespace=kubernetes.namespace, owner=owner, execution="a test")


def bring_up(kubernetes: Kubernetes, given: Object, owner: str = "me") -> Status:
    created = create(kubernetes, given, owner)
    status = Client().wait_sync(created.name, namespace=created.namespace, timeout=90)
    assert status.phase == "Ready", status.message
    return status


def take_down(kubernetes: Kubernetes, name: str) -> None:
    Client().delete_sync(name, namespace=kubernetes.namespace)
    wait_until(lambda: not kubernetes.names("pods"), "the pods to end", timeout=90)


def inside(kubernetes: Kubernetes, pod: str, script: str, container: str | None = None) -> str:
    options = ["--container", container] if container else []
    return kubernetes.run("exec", pod, *options, "--", "sh", "-c", script)


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def test_arguments_and_environment_from_everywhere(kubernetes: Kubernetes) -> None:
    kubernetes.apply(secret("database", password="s3cret", user="graph"), config_map("tuning", LEVEL="9", MODE="slow"))
    given = config(
        "foo",
        Command=["sh", "-c"],
        Args=[STAND],
        Env={
            "MODE": "fast",
            "SERVER_PORT": "1",
            "PASSWORD": {"secretKeyRef": {"name": "database", "key": "password"}},
            "NODE": {"fieldRef": {"fieldPath": "metadata.name"}},
        },
        EnvFrom=[{"configMapRef": {"name": "tuning"}}, {"secretRef": {"name": "database"}, "prefix": "DB_"}],
        Secrets=[
            {"group": "database", "key": "user", "mountRequirement": "ENV_VAR", "envVar": "DATABASE_USER"},
            {"group": "database", "key": "password", "mountRequirement": "FILE", "envVar": "PASSWORD_FILE"},
        ],
    )
    bring_up(kubernetes, given)
    script = "echo $MODE $LEVEL $PASSWORD $DB_user $NODE $DATABASE_USER $_FSEC_DATABASE_USER $SERVER_PORT $GE_BASE_PORT"
    assert inside(kubernetes, "foo-0", script).split() == [
        *("fast", "9", "s3cret", "graph", "foo-0", "graph", "graph", "1", "40000")
    ]
    files = "cat $PASSWORD_FILE $FLYTE_SECRETS_DEFAULT_DIR/database/password"
    assert inside(kubernetes, "foo-0", files) == "s3crets3cret"


def test_volumes_init_containers_and_sidecars(kubernetes: Kubernetes) -> None:
    kubernetes.apply(config_map("store", **{"store.conf": "cache = big"}), secret("tls", key="-"))
    shared = {"name": "shared", "mountPath": "/shared"}
    given = config(
        "foo",
        Command=["sh", "-c", STAND],
        InitContainers=[
            {"name": "fetch", "command": ["sh", "-c", "hostname > /shared/fetched"], "volumeMounts": [shared]}
        ],
        Sidecars=[
            {
                "name": "metrics",
                "command": ["sh", "-c", f"cat /shared/fetched; {STAND}"],
                "volumeMounts": [shared],
            }
        ],
        Volumes=[
            shared | {"emptyDir": {}},
            {"name": "scratch", "mountPath": "/scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}},
            {"name": "conf", "mountPath": "/etc/store", "configMap": {"name": "store"}},
            {"name": "tls", "mountPath": "/etc/tls", "readOnly": True, "secret": {"secretName": "tls"}},
        ],
    )
    bring_up(kubernetes, given)
    assert (
        inside(kubernetes, "foo-0", "cat /shared/fetched /etc/store/store.conf /etc/tls/key") == "foo-0\ncache = big-"
    )
    assert "tmpfs /scratch tmpfs" in inside(kubernetes, "foo-0", "cat /proc/mounts")
    assert kubernetes.run("logs", "foo-0", "--container", "metrics") == "foo-0\n"
    pod = kubernetes.get("pod", "foo-0")
    assert pod
    assert [each.get("restartPolicy") for each in pod["spec"]["initContainers"]] == [None, "Always"]
    started = time.monotonic()
    take_down(kubernetes, "foo")
    assert time.monotonic() - started < 25, "the sidecar held up the end"


def claims(kubernetes: Kubernetes) -> list[str]:
    return kubernetes.names("persistentvolumeclaims")


def test_storage_of_each_pods_own_goes_with_the_service(kubernetes: Kubernetes) -> None:
    claim = {"name": "data", "mountPath": "/data", "size": "8Mi"}
    script = f"hostname >> /data/names; {STAND}"
    given = config("foo", Replicas=2, Command=["sh", "-c", script], VolumeClaimTemplates=[claim])
    bring_up(kubernetes, given)
    assert claims(kubernetes) == ["data-foo-0", "data-foo-1"]
    assert inside(kubernetes, "foo-1", "cat /data/names") == "foo-1\n"
    kubernetes.run("delete", "pod", "foo-1", "--grace-period", "1")
    wait_until(lambda: _names(kubernetes) == "foo-1\nfoo-1\n", "the pod to find its storage again")
    take_down(kubernetes, "foo")
    wait_until(lambda: not claims(kubernetes), "the claims to go")
    # A service of that name has nothing of the one before it.
    bring_up(kubernetes, given, owner="another")
    assert inside(kubernetes, "foo-0", "cat /data/names") == "foo-0\n"


def _names(kubernetes: Kubernetes) -> str:
    return kubernetes.run("exec", "foo-1", "--", "cat", "/data/names", check=False)


def test_storage_that_is_retained_is_found_again(kubernetes: Kubernetes) -> None:
    given = config(
        "foo",
        Command=["sh", "-c", f"echo up >> /data/log; {STAND}"],
        PreStop={"exec": {"command": ["sh", "-c", "sleep 1; echo stopping >> /data/log"]}},
        TerminationGracePeriodSeconds=20,
        VolumeClaimTemplates=[{"name": "data", "mountPath": "/data", "size": "8Mi"}],
        PersistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain"},
    )
    bring_up(kubernetes, given)
    take_down(kubernetes, "foo")
    assert claims(kubernetes) == ["data-foo-0"]
    bring_up(kubernetes, given, owner="another")
    assert inside(kubernetes, "foo-0", "cat /data/log") == "up\nstopping\nup\n"


def test_a_claim_that_exists_is_mounted(kubernetes: Kubernetes) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "model"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Mi"}}},
    }
    kubernetes.apply(claim)
    volume = {"name": "model", "mountPath": "/model", "persistentVolumeClaim": {"claimName": "model"}}
    bring_up(kubernetes, config("foo", Volumes=[volume]))
    inside(kubernetes, "foo-0", "echo 7 > /model/version")
    take_down(kubernetes, "foo")
    assert claims(kubernetes) == ["model"], "it is not the service's own"


def test_probes_decide_when_a_pod_is_ready_and_when_it_is_started_again(kubernetes: Kubernetes) -> None:
    script = "mkdir /tmp/www; touch /tmp/www/alive; httpd -p $SERVER_PORT -h /tmp/www; " + STAND
    given = config(
        "foo",
        Command=["sh", "-c", script],
        StartupProbe={"tcpSocket": {}, "periodSeconds": 1},
        ReadinessProbe={"httpGet": {"path": "/ready", "port": "graph-engine"}, "periodSeconds": 1},
        LivenessProbe={"httpGet": {"path": "/alive"}, "periodSeconds": 1, "timeoutSeconds": 10, "failureThreshold": 2},
        MinReadySeconds=0,
    )
    create(kubernetes, given)
    wait_until(lambda: (kubernetes.get("pod", "foo-0") or {}).get("status", {}).get("phase") == "Running", "the pod")
    client = Client()
    wait_until(
        lambda: "its readiness probe has not passed" in client.get_sync("foo", namespace=kubernetes.namespace).message,
        "the sentence about the probe",
    )
    inside(kubernetes, "foo-0", "touch /tmp/www/ready")
    assert client.wait_sync("foo", namespace=kubernetes.namespace, timeout=30).phase == "Ready"
    inside(kubernetes, "foo-0", "rm /tmp/www/alive")

    def restarts() -> int:
        pod = kubernetes.get("pod", "foo-0")
        return int(pod["status"]["containerStatuses"][0]["restartCount"]) if pod else 0

    wait_until(lambda: restarts() > 0, "the container to be started again")


def test_ports_are_reached_by_name_and_number(kubernetes: Kubernetes) -> None:
    script = "mkdir /tmp/www; echo web > /tmp/www/index.html; httpd -p 8080 -h /tmp/www; "
    script += "while :; do echo gossip | nc -l -p 7000; done"
    given = config(
        "foo",
        Command=["sh", "-c", script],
        Ports=[
            {"name": "web", "port": 8080},
            {"name": "gossip", "port": 7000},
            {"name": "udp", "port": 7000, "protocol": "UDP"},
        ],
    )
    status = bring_up(kubernetes, given)
    assert sorted(status.endpoints[0].ports) == [7000, 7000, 8080]
    assert status.endpoints[0].named_ports == {"web": 8080, "gossip": 7000, "udp": 7000}
    assert inside(kubernetes, "foo-0", "echo $SERVER_PORT") == "8080\n", "the first is the service's"
    host = f"foo-0.foo.{kubernetes.namespace}"
    asked = kubernetes.in_a_pod(f"wget -qO- http://{host}:8080; nc {host} 7000 < /dev/null")
    assert asked == "web\ngossip\n"
    with pytest.raises(InvalidSpecError, match=r"port is missing: .*\(gossip, udp, web\)"):
        endpoints("foo")
    assert endpoints("foo", port=8080).at("gossip") == [f"{host}:7000"]


@pytest.mark.parametrize("policy", ["Parallel", "OrderedReady"])
def test_pods_start_together_or_one_after_the_other(kubernetes: Kubernetes, policy: str) -> None:
    bring_up(kubernetes, config("foo", Replicas=3, PodManagementPolicy=policy, MinReadySeconds=2))
    pods = kubernetes.objects("pods")
    made = sorted(each["metadata"]["creationTimestamp"] for each in pods)
    apart = [time.mktime(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")) for stamp in made]
    if policy == "Parallel":
        assert apart[-1] - apart[0] <= 1
    else:
        assert apart[1] - apart[0] >= 2
        assert apart[2] - apart[1] >= 2


def test_as_whom_the_pods_run(kubernetes: Kubernetes) -> None:
    kubernetes.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}})
    given = config(
        "foo",
        Command=["sh", "-c", STAND],
        ServiceAccount="reader",
        PodSecurityContext={"runAsUser": 2000, "fsGroup": 3000},
        SecurityContext={"readOnlyRootFilesystem": True},
        Labels={"team": "graph"},
        Annotations={"example.com/contact": "me"},
    )
    bring_up(kubernetes, given)
    assert inside(kubernetes, "foo-0", "id -u; id -g; id -G").split() == ["2000", "1001", "1001", "3000"]
    assert "Read-only" in inside(kubernetes, "foo-0", "touch /x 2>&1 || true")
    token = "cut -d. -f2 /var/run/secrets/kubernetes.io/serviceaccount/token"
    assert inside(kubernetes, "foo-0", token)
    for kind, name in (("statefulset", "foo"), ("service", "foo"), ("pod", "foo-0")):
        metadata = (kubernetes.get(kind, name) or {})["metadata"]
        assert (metadata["labels"]["team"], metadata["annotations"]["example.com/contact"]) == ("graph", "me")


def test_a_service_that_keeps_apart_from_itself_waits_for_a_second_node(kubernetes: Kubernetes) -> None:
    term = {"topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    create(kubernetes, config("foo", Replicas=2, Affinity=affinity))
    client = Client()
    wait_until(
        lambda: client.get_sync("foo", namespace=kubernetes.namespace).phase == "WaitingForResources",
        "the second pod to find no node",
    )


def test_a_budget_and_a_network_policy_come_and_go_with_the_service(kubernetes: Kubernetes) -> None:
    for verb in ("create", "get"):
        allow(kubernetes, verb, "poddisruptionbudgets.policy")
        allow(kubernetes, verb, "networkpolicies.networking.k8s.io")
    given = config("foo", Replicas=2, PodDisruptionBudget={"minAvailable": 2}, NetworkPolicy=True)
    bring_up(kubernetes, given)
    created = create(kubernetes, given)
    assert created.name == "foo", "the same again is the same service"
    policy = kubernetes.get("networkpolicy", "foo")
    assert policy
    assert policy["metadata"]["ownerReferences"][0]["uid"] == created.uid
    wait_until(
        lambda: (kubernetes.get("poddisruptionbudget", "foo") or {}).get("status", {}).get("currentHealthy") == 2,
        "the budget to count the pods",
    )
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "foo-0"}}
    path = f"/api/v1/namespaces/{kubernetes.namespace}/pods/foo-0/eviction"
    refused = kubernetes.run("create", "--raw", path, "--filename", "-", input=json.dumps(eviction), check=False)
    assert "would violate the pod's disruption budget" in refused
    take_down(kubernetes, "foo")
    for kind in ("poddisruptionbudgets", "networkpolicies"):
        wait_until(lambda kind=kind: not kubernetes.names(kind), f"the {kind} to go")  # type: ignore[misc]


def test_without_the_right_to_make_a_budget_nothing_is_left_behind(kubernetes: Kubernetes) -> None:
    with pytest.raises(ForbiddenError, match='apiGroups: \\["policy"\\], resources: \\["poddisruptionbudgets"\\]'):
        create(kubernetes, config("foo", PodDisruptionBudget={"maxUnavailable": 1}))
    wait_until(lambda: kubernetes.services() == nothing(), "what was made to go")


def test_ephemeral_ports_of_other_images_need_no_command(kubernetes: Kubernetes) -> None:
    given = config(
        "foo", Image=IMAGE, Command=None, Args=["sh", "-c", STAND], Requests=TINY, ImagePullPolicy="IfNotPresent"
    )
    bring_up(kubernetes, given)
    assert inside(kubernetes, "foo-0", "echo $GE_COUNT") == "1\n"


def test_consumers_reach_the_pods_by_what_was_declared_and_by_what_the_cluster_says(
    kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bring_up(kubernetes, config("foo", Replicas=2, Port=8080))
    asked = endpoints("foo")
    with pytest.raises(NotFoundError, match=r"Nothing is known of where data service bar is\. StatefulSet bar"):
        endpoints("bar")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    declared = endpoints("foo", DataServiceConfig(Image=IMAGE, Replicas=2, Port=8080))
    assert asked == declared
    script = "; ".join(f"wget -qO- http://{address}" for address in declared.addresses)
    assert kubernetes.in_a_pod(script).split() == ["foo-0", "foo-1"]


def test_pods_of_something_else_with_the_same_instance_label_are_not_ours(kubernetes: Kubernetes) -> None:
    for verb in ("create", "get"):
        allow(kubernetes, verb, "poddisruptionbudgets.policy")
        allow(kubernetes, verb, "networkpolicies.networking.k8s.io")
    labels = {"app.kubernetes.io/instance": "foo", "app.kubernetes.io/managed-by": "Helm"}
    container = {"name": "c", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", STAND]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "theirs", "labels": labels}}
    kubernetes.apply(pod | {"spec": {"containers": [container], "terminationGracePeriodSeconds": 1}})
    ready = ["wait", "pod/theirs", "--for", "condition=Ready", "--timeout", "60s"]
    kubernetes.run(*ready)
    bring_up(kubernetes, config("foo", PodDisruptionBudget={"maxUnavailable": 1}, NetworkPolicy=True))
    assert endpoints("foo").hostnames == [f"foo-0.foo.{kubernetes.namespace}"]
    slices = kubernetes.objects("endpointslices")
    assert [each["targetRef"]["name"] for one in slices for each in one["endpoints"]] == ["foo-0"]
    budget = wait_until(lambda: (kubernetes.get("poddisruptionbudget", "foo") or {}).get("status"), "the budget")
    assert budget["expectedPods"] == 1
    own = {"app.kubernetes.io/instance": "foo", "app.kubernetes.io/managed-by": "flytekitplugins-k8sdataservice"}
    policy = (kubernetes.get("networkpolicy", "foo") or {})["spec"]
    assert policy["podSelector"] == {"matchLabels": own}
    assert policy["ingress"][0]["from"][0]["podSelector"] == {"matchLabels": own}
    assert (kubernetes.get("statefulset", "foo") or {})["spec"]["selector"] == {"matchLabels": own}


def test_labels_of_the_execution_that_kubernetes_refuses_are_made_valid(kubernetes: Kubernetes) -> None:
    created = Client().create_sync(
        config("foo", Replicas=0, Annotations={"example.com/contact": "me"}),
        namespace=kubernetes.namespace,
        owner="me",
        execution="a test",
        labels={"owner": "someone@example.com", "a b": "c", "app": "theirs", "execution-id": "f1"},
        annotations={
            "a b": "c",
            "k8sdataservice.flyte.org/delete-after": "2020-01-01T00:00:00Z",
            "large": "x" * 260000,
        },
    )
    assert created.warning
    assert 'Label owner of the execution is "someone@example.com"' in created.warning
    assert 'Annotation "large" of the execution is left out' in created.warning
    for kind in ("statefulset", "service"):
        metadata = (kubernetes.get(kind, "foo") or {})["metadata"]
        assert metadata["labels"]["owner"] == "someone-example-com"
        assert (metadata["labels"]["app"], metadata["labels"]["execution-id"]) == ("service-name", "f1")
        assert "k8sdataservice.flyte.org/delete-after" not in metadata["annotations"]
        assert metadata["annotations"]["example.com/contact"] == "me"
    again = config("foo", Labels={"owner": "someone@example.com"})
    with pytest.raises(InvalidSpecError, match=r"Labels\.owner is \"someone@example.com\""):
        create(kubernetes, again)
