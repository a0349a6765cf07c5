"""Plans as the tests make them."""

from __future__ import annotations

from typing import Any

from k8sdataservice._core import Client, Plan

from cluster.support.configs import config


def planned(client: Client, namespace: str, name: str, **fields: Any) -> Plan:
    """Returns the plan of a configuration."""
    return client.plan_sync(config(name, **fields), namespace=namespace, owner="a-plan", execution="a plan")


def reported(plan: Plan) -> dict[str, str]:
    """Returns the problems of a plan: their messages by the fields."""
    return {problem.path: problem.message for problem in plan.problems}


def make(client: Client, namespace: str, name: str, **fields: Any) -> None:
    """Makes a service as a run does."""
    wire = config(name, **fields)
    labels = {"execution-id": "f1"}
    client.create_sync(wire, namespace=namespace, owner="a-run", execution="execution f1", labels=labels)
