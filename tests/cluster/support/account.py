"""The account that a connector works under, with the rights of examples/rbac.yaml and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

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
    """Gives the account one right more."""
    name = re.sub(r"[./]", "-", f"{verb}-{resource}")
    kubernetes.run("create", "role", name, "--verb", verb, "--resource", resource)
    account = f"{kubernetes.namespace}:{ACCOUNT}"
    kubernetes.run("create", "rolebinding", name, "--role", name, "--serviceaccount", account)


def kubeconfig_of_account(kubernetes: Kubernetes, folder: Path, user: dict[str, str] | None = None) -> Path:
    """Writes a kubeconfig that has nothing but the account's token, or what else is given as its user."""
    if user is None:
        user = {"token": kubernetes.run("create", "token", ACCOUNT, "--duration", "2h").strip()}
    text: dict[str, Any] = json.loads(kubernetes.run("config", "view", "--raw", "--flatten", "--output", "json"))
    text["users"][0]["user"] = user
    kubeconfig = folder / "account"
    kubeconfig.write_text(json.dumps(text))
    return kubeconfig
