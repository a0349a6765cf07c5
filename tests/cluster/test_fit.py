"""How many pods fit: what is said before they are made is what the real scheduler then does.

`FIT_CLUSTERS` is how many random clusters are tried, `FIT_SEED` which.
"""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from cluster.support.api import path
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.random_clusters import MADE, RandomCluster

#: The scheduler would place pods of other tests on the nodes that this one adds, where no kubelet starts them.
pytestmark = pytest.mark.serial

REPOSITORY = Path(__file__).parents[2]

#: As many at a time as are decided before Kubernetes misses their kubelets, which is after 50 seconds.
AT_A_TIME = 30


def test_as_many_pods_fit_as_the_scheduler_then_places(kubernetes: Kubernetes, tmp_path: Path) -> None:
    number = int(os.environ.get("FIT_CLUSTERS", "10"))
    seed = os.environ.get("FIT_SEED", "0")
    wrong, exact, placed = [], 0, 0
    with another_namespace(kubernetes) as other:
        for start in range(0, number, AT_A_TIME):
            names = {case: f"c{case}-{uuid.uuid4().hex[:4]}" for case in range(start, min(start + AT_A_TIME, number))}
            clusters = [
                RandomCluster(name, (kubernetes.namespace, other.namespace), Random(f"{seed}-{case}"))
                for case, name in names.items()
            ]
            with existing((kubernetes, other), clusters):
                answers = foretold(kubernetes, clusters, tmp_path)
                scheduled = decided(kubernetes, clusters)
            for cluster, answer in zip(clusters, answers, strict=True):
                count = scheduled[cluster.name]
                exact += answer["fits"] == answer["atMost"]
                placed += count
                if not answer["fits"] <= count <= answer["atMost"]:
                    wrong.append(f"{cluster.name} of seed {seed}: the scheduler places {count}: {answer['sentence']}")
    print(f"{number} clusters, {placed} pods placed, {exact} of the counts exact, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)
    # Only where the scheduler's first choice decides for all is there more than one right number.
    assert exact >= 0.9 * number


@contextmanager
def another_namespace(kubernetes: Kubernetes) -> Iterator[Kubernetes]:
    """Makes a second namespace, since pods may look for others in all of them."""
    other = replace(kubernetes, namespace=f"{kubernetes.namespace}-other")
    other.create_namespace()
    try:
        wait_until(lambda: other.get("serviceaccount", "default"), "the namespace's service account")
        yield other
    finally:
        other.delete_namespace()


@contextmanager
def existing(namespaces: tuple[Kubernetes, Kubernetes], clusters: list[RandomCluster]) -> Iterator[None]:
    """Makes the nodes and the pods that run on them, and takes them away."""
    kubernetes, _ = namespaces
    made = ("--selector", MADE, "--wait=false")
    try:
        create(kubernetes, [node for cluster in clusters for node in cluster.nodes])
        create(kubernetes, [pod for cluster in clusters for pod in cluster.running])
        for namespace in namespaces:
            finish(namespace, clusters)
        wait_until(lambda: known(kubernetes), "the nodes to be ready")
        yield
    finally:
        for namespace in namespaces:
            namespace.run("delete", "statefulsets", *made)
            namespace.run("delete", "pods", *made, "--grace-period", "0", "--force")
        kubernetes.run("delete", "nodes", *made)


def create(kubernetes: Kubernetes, objects: list[Object]) -> None:
    """Makes objects of several namespaces, with their status where the API server takes one."""
    several = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    command = [kubernetes.kubectl, "--kubeconfig", str(kubernetes.kubeconfig), "create", "--filename", "-"]
    done = subprocess.run(command, input=several, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def finish(kubernetes: Kubernetes, clusters: list[RandomCluster]) -> None:
    """Lets pods of a namespace have ended."""
    running = [pod["metadata"] for cluster in clusters for pod in cluster.running]
    ended = {name for cluster in clusters for name in cluster.finished}
    names = [pod["name"] for pod in running if pod["name"] in ended and pod["namespace"] == kubernetes.namespace]
    if names:
        patch = '{"status": {"phase": "Succeeded"}}'
        kubernetes.run("patch", "pods", *names, "--subresource", "status", "--patch", patch)


def known(kubernetes: Kubernetes) -> bool:
    """Whether Kubernetes has seen that the nodes are ready: until then each has a taint that says otherwise."""
    nodes = kubernetes.objects("nodes", labelSelector=MADE)
    taints = [taint["key"] for node in nodes for taint in node["spec"].get("taints", [])]
    return not any(key == "node.kubernetes.io/not-ready" for key in taints)


def foretold(kubernetes: Kubernetes, clusters: list[RandomCluster], folder: Path) -> list[Object]:
    """Returns what the pure core says of the clusters, as they are now."""
    everything = {kind: kubernetes.request("GET", path(kind, None))["items"] for kind in ("nodes", "pods")}
    file = folder / "questions.json"
    file.write_text(json.dumps(everything | {"questions": [cluster.question() for cluster in clusters]}))
    command = "cargo test --locked --test fit_differential answers -- --ignored --nocapture"
    run = subprocess.run(
        command.split(),
        cwd=REPOSITORY,
        env=os.environ | {"FIT_QUESTIONS": str(file)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    lines = [line.split("answer: ")[1] for line in run.stdout.splitlines() if "answer: " in line]
    return [json.loads(line) for line in lines]


def decided(kubernetes: Kubernetes, clusters: list[RandomCluster]) -> dict[str, int]:
    """Returns how many pods of each StatefulSet have a node, once the scheduler has decided on all."""
    create(kubernetes, [cluster.stateful_set for cluster in clusters])
    wanted = {cluster.name: cluster.stateful_set["spec"]["replicas"] for cluster in clusters}

    def look() -> dict[str, int] | None:
        pods = kubernetes.objects("pods", labelSelector=MADE)
        verdicts: dict[str, list[bool]] = {name: [] for name in wanted}
        for pod in pods:
            owner = pod["metadata"].get("ownerReferences", [{}])[0].get("name")
            for condition in pod["status"].get("conditions", []):
                is_verdict = condition["status"] == "True" or condition.get("reason") == "Unschedulable"
                if owner in verdicts and condition["type"] == "PodScheduled" and is_verdict:
                    verdicts[owner].append(condition["status"] == "True")
        if any(len(verdicts[name]) < replicas for name, replicas in wanted.items()):
            return None
        return {name: sum(placed) for name, placed in verdicts.items()}

    return wait_until(look, "the scheduler's verdict on every pod")
