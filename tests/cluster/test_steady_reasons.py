"""How the reason of a service changes while it is polled all the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cluster.support.connector import Connector
from cluster.support.kubernetes import Object, wait_until
from cluster.support.verdicts import FAILED, Fault, bring_up, reason_of, shell

#: A process that ends without an error when it receives a signal.
QUIETLY_ENDS = shell("trap 'exit 0' TERM; while true; do sleep 0.1; done")
#: A probe that fails.
FAILING = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 3}


@pytest.mark.long
@pytest.mark.usefixtures("real_pods")
@pytest.mark.parametrize(
    ("fields", "container", "wanted"),
    [
        (QUIETLY_ENDS, {"startupProbe": FAILING}, "StartupProbeFails"),
        (QUIETLY_ENDS, {"livenessProbe": FAILING}, "LivenessProbeFails"),
        (shell("sleep 2; exit 3"), {}, "ContainerExits"),
        (shell("sleep 4; exit 3"), {"readinessProbe": {"exec": {"command": ["true"]}}}, "ContainerExits"),
    ],
)
def test_the_cause_is_the_first_that_is_reported_and_stays(
    with_connector: Callable[..., Connector], fields: dict[str, Any], container: Object, wanted: str
) -> None:
    """No other service of the namespace has had its events read, and the connector is asked all the time."""
    connector = with_connector("minReadySeconds: 30\n")
    resource_meta = bring_up(connector, Fault(wanted, FAILED, "", fields, container=container))
    reasons: list[str] = []

    def has_failed() -> bool:
        resource = connector.get(resource_meta)
        if reason_of(resource) not in reasons[-1:]:
            reasons.append(reason_of(resource))
        return bool(resource.phase == FAILED)

    wait_until(has_failed, "the failure", 120)
    coming_up = {"NotObserved", "ReplicasNotReady", "ReplicasNotAvailable"}
    assert [reason for reason in reasons if reason not in coming_up] == [wanted], reasons
    assert reasons[-1] == wanted and reasons.count("ReplicasNotReady") <= 2, reasons
