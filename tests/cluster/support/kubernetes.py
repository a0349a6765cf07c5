"""A namespace of a real cluster, as the tests look at it: through kubectl, never through the code under test."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

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

    def get(self, kind: str, name: str) -> Object | None:
        """Returns an object, or None where there is none of that name."""
        text = self.run("get", kind, name, "--ignore-not-found", "--output", "json")
        return json.loads(text) if text.strip() else None

    def names(self, kind: str) -> list[str]:
        """Returns the names of all objects of a kind."""
        items = json.loads(self.run("get", kind, "--output", "json"))["items"]
        return sorted(item["metadata"]["name"] for item in items)

    def services(self) -> dict[str, list[str]]:
        """Returns the names of all StatefulSets and Services: what a data service consists of."""
        return {kind: self.names(kind) for kind in ("statefulsets", "services")}

    def apply(self, *objects: Object) -> None:
        """Makes objects, as somebody else would."""
        self.run("apply", "--filename", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

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
        phase = self.run("get", "pod", pod, "--output", "jsonpath={.status.phase}")
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
