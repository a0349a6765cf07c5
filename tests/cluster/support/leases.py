"""Processes that hold services by Leases, and the Leases as a cluster shows them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from cluster.support.account import ACCOUNT
from cluster.support.connector import environment
from cluster.support.kubernetes import Kubernetes, Object, wait_until

ROLE = Path(__file__).parents[3] / "examples" / "rbac-local.yaml"

HOLDER = "holder.k8sdataservice.flyte.org/"

#: The Roles of the example: of people, and of those that end services.
PEOPLE, REAPERS = "k8sdataservice-holders", "k8sdataservice-leases"


def allow_leases(kubernetes: Kubernetes, role: str = PEOPLE, without: str | None = None) -> None:
    """Gives the account of the namespace a Role of the example.

    Args:
        kubernetes: The namespace.
        role: The Role's name.
        without: A verb that the account does not get.
    """
    objects = [each for each in yaml.safe_load_all(ROLE.read_text()) if each["metadata"]["name"] == role]
    rules, binding = objects
    verbs = [verb for verb in rules["rules"][0]["verbs"] if verb != without]
    rules["rules"][0]["verbs"] = verbs
    binding["subjects"] = [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": kubernetes.namespace}]
    kubernetes.apply(rules, binding)
    account = f"system:serviceaccount:{kubernetes.namespace}:{ACCOUNT}"
    question = ["auth", "can-i", verbs[-1], "leases.coordination.k8s.io", "--as", account]
    wait_until(lambda: kubernetes.run(*question, check=False).startswith("yes"), "the permission")


def holders(kubernetes: Kubernetes, name: str) -> list[dict[str, Any]]:
    """Returns the holders of a service, as they are written on it."""
    there = kubernetes.get("statefulset", name)
    annotations = (there or {"metadata": {}})["metadata"].get("annotations", {})
    return [json.loads(value) for key, value in sorted(annotations.items()) if key.startswith(HOLDER)]


def lease_of(kubernetes: Kubernetes, name: str) -> Object:
    """Returns the one Lease that holds a service."""
    (lease,) = kubernetes.objects("leases", labelSelector=f"app.kubernetes.io/instance={name}")
    return lease


def renewal(kubernetes: Kubernetes, name: str) -> str | None:
    """Returns when the Lease of a service was renewed last."""
    time: str | None = lease_of(kubernetes, name)["spec"].get("renewTime")
    return time


def lease_name(kubernetes: Kubernetes, name: str) -> str:
    """Returns the name of the one Lease that holds a service."""
    return str(lease_of(kubernetes, name)["metadata"]["name"])


def expire(kubernetes: Kubernetes, lease: str) -> None:
    """Makes a Lease last a second, so that a test need not wait a minute."""
    patch = json.dumps({"spec": {"leaseDurationSeconds": 1}})
    kubernetes.run("patch", "lease", lease, "--type=merge", "--patch", patch)


def reap(kubernetes: Kubernetes, *options: str, **variables: str) -> str:
    """Runs ``dataservice reap`` once, as an administrator, and returns what it prints."""
    command = [str(Path(sys.executable).with_name("dataservice")), "reap", *options]
    env = environment(kubernetes.kubeconfig, kubernetes.namespace) | variables
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False).stdout


def until_reaped(kubernetes: Kubernetes, name: str, **variables: str) -> None:
    """Reaps until a service is deleted."""
    gone = f"{kubernetes.namespace}/{name} deleted: its last run was aborted, or is gone"
    wait_until(lambda: gone in reap(kubernetes, **variables), f"{name} to be deleted", 20.0)


@contextmanager
def script(env: dict[str, str], text: str) -> Iterator[subprocess.Popen[str]]:
    """Runs a script that prints a line when it is ready, and then waits for its standard input to be closed."""
    command = [sys.executable, "-c", textwrap.dedent(text)]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        try:
            line = process.stdout.readline()
            assert line == "ready\n", line + process.stderr.read()
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str]) -> str:
    """Lets a script go on to its end, and returns what it logged."""
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    return log


#: Holds a service that exists until the input ends.
HOLDS = """
    import sys
    from flytekitplugins.k8sdataservice import hold

    with hold("foo"):
        print("ready", flush=True)
        sys.stdin.read()
"""

#: The same in an event loop.
HOLDS_ASYNC = """
    import asyncio, sys
    from flytekitplugins.k8sdataservice import hold

    async def main():
        async with hold("foo"):
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.read)

    asyncio.run(main())
"""


def creates(config: dict[str, Any]) -> str:
    """Returns a script that creates a service, or attaches to one, as a local run does, and logs the warning."""
    return f"""
    import os, sys
    from k8sdataservice.default_client import default_client
    from k8sdataservice.holder import this_process

    made = default_client().create_sync(
        {config!r},
        namespace=os.environ["K8SDATASERVICE_NAMESPACE"],
        owner=f"local-{{os.getpid()}}",
        execution="a local run",
        holder=this_process(),
    )
    print(made.warning, file=sys.stderr)
    print("ready", flush=True)
    sys.stdin.read()
"""


#: Creates a service that ends with its holders.
CREATES = creates({"Name": "foo", "Image": "busybox:latest", "Replicas": 0, "Lifetime": "run"})
