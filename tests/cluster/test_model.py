"""The API server in memory, against which the lifecycle's interleavings are explored, answers as the real one does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cluster.support.kubernetes import Kubernetes

REPOSITORY = Path(__file__).parents[2]


def release(kubernetes: Kubernetes) -> None:
    """Removes the finalizers that sequences have left, which the namespace could not be deleted with."""
    found = [*kubernetes.objects("statefulsets"), *kubernetes.objects("services")]
    for each in found:
        if each["metadata"].get("finalizers"):
            patch = '{"metadata": {"finalizers": null}}'
            kind, name = each["kind"], each["metadata"]["name"]
            # It may be gone by now.
            kubernetes.run("patch", kind, name, "--type", "merge", "--patch", patch, check=False)


@pytest.mark.long
def test_the_server_in_memory_answers_as_the_real_one_does(kubernetes: Kubernetes) -> None:
    variables = {"KUBECONFIG": str(kubernetes.kubeconfig), "MODEL_NAMESPACE": kubernetes.namespace}
    command = "cargo test --locked --test interleavings differential -- --ignored --nocapture"
    run = subprocess.run(
        command.split(),
        cwd=REPOSITORY,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    release(kubernetes)
    assert run.returncode == 0, run.stdout
    assert f"{os.environ.get('MODEL_SEQUENCES', 40)} sequences" in run.stdout
