"""The cluster that the demonstration runs on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localcluster import LocalCluster

#: The variable with the kubeconfig of a cluster to use instead of one made for the occasion.
GIVEN = "KUBECONFIG_UNDER_TEST"
#: The label that makes an object one of ours.
LABEL = "app.kubernetes.io/managed-by=flytekitplugins-k8sdataservice"


@dataclass(frozen=True)
class Place:
    """A namespace of a cluster."""

    kubectl: str
    kubeconfig: Path
    dns_ip: str | None
    why_no_real_pods: str | None
    namespace: str = "flyte"
    #: The objects that existed before, of other runs: kinds and names.
    others: frozenset[str] = frozenset()

    def without_others(self) -> Place:
        """Returns the same place, blind to what is there now."""
        return replace(self, others=frozenset(map(title, self.objects())))

    def objects(self) -> list[dict[str, Any]]:
        """Returns every StatefulSet, Service and pod that this plugin made since, or none if nobody answers."""
        command = [self.kubectl, "--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace]
        command += ["get", "statefulsets,services,pods", "--selector", LABEL, "--output", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        items: list[dict[str, Any]] = json.loads(done.stdout)["items"] if done.returncode == 0 else []
        return [item for item in items if title(item) not in self.others]

    def wait_for_nothing(self, patience: float) -> list[str]:
        """Waits until all of it is gone, and returns what is not."""
        end = time.monotonic() + patience
        while (left := self.objects()) and time.monotonic() < end:
            time.sleep(0.5)
        return [title(item) for item in left]


def title(item: dict[str, Any]) -> str:
    """Returns an object's kind and name."""
    return f"{item['kind']} {item['metadata']['name']}"


def given_place() -> Place | None:
    """Returns the cluster that was given, if one was."""
    kubeconfig = os.environ.get(GIVEN)
    if not kubeconfig:
        return None
    kubectl = shutil.which("kubectl")
    if not kubectl:
        sys.exit(f"{GIVEN} is set, so kubectl has to be on the PATH: install it, or unset {GIVEN}.")
    return Place(kubectl, Path(kubeconfig), None, None)


def local_place(cluster: LocalCluster) -> Place:
    """Returns the local cluster."""
    return Place(str(cluster.kubectl_program), cluster.kubeconfig, cluster.dns_ip, cluster.why_no_real_pods)
