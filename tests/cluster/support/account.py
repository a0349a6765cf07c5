"""The account that a connector uses, with the permissions of examples/rbac.yaml and no others."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from cluster.support.api import group_of, path
from cluster.support.kubernetes import Kubernetes, Object

ROLE = Path(__file__).parents[3] / "examples" / "rbac.yaml"
ACCOUNT = "flyteconnector"


def give_role(kubernetes: Kubernetes, role: Path | None = ROLE, beside: str | None = None) -> None:
    """Makes the account, with this role.

    Args:
        kubernetes: The namespace.
        role: The file with the Role and its RoleBinding.
        beside: Another namespace, whose account gets the same role in this one.
    """
    account: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}
    objects: list[Object] = list(yaml.safe_load_all(role.read_text())) if role else []
    for each in objects:
        if each["kind"] == "RoleBinding" and beside:
            each["subjects"].append({"kind": "ServiceAccount", "name": ACCOUNT, "namespace": beside})
    kubernetes.apply(account, *objects)


def allow(kubernetes: Kubernetes, verb: str, resource: str) -> None:
    """Grants the account one more permission."""
    metadata = {"name": re.sub(r"[./]", "-", f"{verb}-{resource}")}
    whole, _, subresource = resource.partition("/")
    plural, _, group = whole.partition(".")
    group = group or group_of(plural)
    version, api_group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    rule = {"apiGroups": [group], "resources": ["/".join(filter(None, (plural, subresource)))], "verbs": [verb]}
    reference = {"apiGroup": api_group, "kind": "Role", **metadata}
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": kubernetes.namespace}
    kubernetes.apply(
        {"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": [rule]},
        {
            "apiVersion": version,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": reference,
            "subjects": [account],
        },
    )


def token(kubernetes: Kubernetes, seconds: int) -> str:
    """Returns a token of the account that lives for this long."""
    wanted = {"spec": {"expirationSeconds": seconds}}
    given = kubernetes.request("POST", path("serviceaccount", kubernetes.namespace, ACCOUNT, "token"), wanted)
    return str(given["status"]["token"])


@functools.lru_cache
def _flattened(kubectl: str, kubeconfig: Path) -> str:
    """Returns a kubeconfig with the files that it names put into it."""
    command = [kubectl, "--kubeconfig", str(kubeconfig), "config", "view", "--raw", "--flatten", "--output", "json"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def kubeconfig_of_account(kubernetes: Kubernetes, folder: Path, user: dict[str, str] | None = None) -> Path:
    """Writes a kubeconfig that has nothing but the account's token, or what else is given as its user."""
    if user is None:
        user = {"token": token(kubernetes, seconds=7200)}
    text: dict[str, Any] = json.loads(_flattened(kubernetes.kubectl, kubernetes.kubeconfig))
    text["users"][0]["user"] = user
    kubeconfig = folder / "account"
    kubeconfig.write_text(json.dumps(text))
    return kubeconfig
