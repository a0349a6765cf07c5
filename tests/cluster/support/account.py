"""The account that a connector works under, with the rights of examples/rbac.yaml and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cluster.support.kubernetes import Kubernetes

ROLE = Path(__file__).parents[3] / "examples" / "rbac.yaml"
ACCOUNT = "flyteconnector"


def give_role(kubernetes: Kubernetes, role: Path | None = ROLE) -> None:
    """Makes the account, with this role."""
    kubernetes.run("create", "serviceaccount", ACCOUNT)
    if role:
        kubernetes.run("apply", "--filename", str(role))


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
