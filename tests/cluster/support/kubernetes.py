"""A namespace of a real cluster, as the tests look at it: never through the code under test."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cluster.support.api import APPLY, MERGE, ApiError, path, path_of, request

Answer = TypeVar("Answer")
Object = dict[str, Any]

#: The image that the tests' pods run; a cluster of your own has to be able to pull it.
IMAGE = "busybox:latest"


@dataclass(frozen=True)
class Kubernetes:
    """One namespace of one cluster."""

    kubectl: str
    kubeconfig: Path
    namespace: str

    def run(self, *args: str, input: str | None = None, check: bool = True) -> str:
        """Runs kubectl in the namespace and returns what it prints."""
        command = [self.kubectl, "--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace, *args]
        done = subprocess.run(command, input=input, capture_output=True, text=True, timeout=120, check=False)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        return done.stdout if not done.returncode or check else done.stdout + done.stderr

    def request(
        self, method: str, path: str, body: object = None, body_is: str = "application/json", **query: str
    ) -> Object:
        """Sends a request to the API server, and returns its answer."""
        return request(self.kubeconfig, method, path, body, body_is, **query)

    def get(self, kind: str, name: str) -> Object | None:
        """Returns an object, or None where there is none of that name."""
        try:
            found = self.request("GET", path(kind, self.namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        found["metadata"].pop("managedFields", None)
        return found

    def has_seen(self, stateful_set: str) -> bool:
        """Returns whether Kubernetes has seen a StatefulSet as it is, and writes no more of it, or it is gone."""
        there = self.get("statefulset", stateful_set)
        return not there or there["status"].get("observedGeneration") == there["metadata"]["generation"]

    def create_namespace(self) -> None:
        """Creates the namespace."""
        self.request("POST", path("namespaces", None), {"metadata": {"name": self.namespace}})

    def delete_namespace(self) -> None:
        """Deletes the namespace, if it still exists, without waiting until all in it is gone."""
        with suppress(ApiError):
            self.request("DELETE", path("namespace", None, self.namespace))

    def objects(self, kind: str, **query: str) -> list[Object]:
        """Returns the objects of a kind in the namespace, or of the cluster where the kind has no namespaces."""
        answer = self.request("GET", path(kind, self.namespace), **query)
        kind = answer["kind"].removesuffix("List")
        return [{"kind": kind} | item for item in answer["items"]]

    def names(self, kind: str) -> list[str]:
        """Returns the names of all objects of a kind."""
        return sorted(item["metadata"]["name"] for item in self.objects(kind))

    def services(self) -> dict[str, list[str]]:
        """Returns the names of all StatefulSets and Services: what a data service consists of."""
        return {kind: self.names(kind) for kind in ("statefulsets", "services")}

    def apply(self, *objects: Object) -> None:
        """Makes objects, as somebody else would."""
        for each in objects:
            self.request("PATCH", path_of(each, self.namespace), each, APPLY, fieldManager="kubectl", force="true")

    def create(self, *objects: Object) -> None:
        """Creates objects as a client does that applies nothing, such as the plugin before version 2."""
        for each in objects:
            self.request("POST", path_of(each, self.namespace).rpartition("/")[0], each)

    def merge(self, kind: str, name: str, changes: Object) -> None:
        """Changes an object, by a merge patch."""
        self.request("PATCH", path(kind, self.namespace, name), changes, MERGE)

    def in_a_pod(self, script: str) -> str:
        """Runs a shell script in a pod of its own and returns what it prints."""
        name = f"probe-{uuid.uuid4().hex[:8]}"
        options = ["--image", IMAGE, "--image-pull-policy", "IfNotPresent", "--restart", "Never", "--command"]
        self.run("run", name, *options, "--", "sh", "-c", script)
        phase = wait_until(lambda: self._ended(name), f"pod {name} to end")
        output = self.run("logs", name)
        assert phase == "Succeeded", f"The script ended with {phase}:\n{script}\n{output}"
        return output

    def _ended(self, pod: str) -> str | None:
        found = self.get("pod", pod)
        phase = found["status"]["phase"] if found else ""
        return phase if phase in ("Succeeded", "Failed") else None

    def dump(self) -> str:
        """Returns everything that helps to understand a failure: objects, events and logs."""
        sections = [
            self.run("get", "statefulsets,services,endpointslices,pods", "--output", "wide", check=False),
            self.run("get", "events", "--sort-by", ".lastTimestamp", check=False),
        ]
        for pod in self.run("get", "pods", "--output", "name", check=False).split():
            sections.append(f"--- {pod}\n" + self.run("logs", pod, "--tail", "20", check=False))
        return "\n".join(sections)


def wait_until(look: Callable[[], Answer | None], what: str, timeout: float = 60.0) -> Answer:
    """Returns the first answer that is neither None nor False nor empty."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if answer := look():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"Waited {timeout:.0f} s for {what}.")
