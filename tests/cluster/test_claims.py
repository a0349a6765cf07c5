"""Services that wait for their volumes."""

from __future__ import annotations

import pytest

from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, Object
from cluster.support.verdicts import WAITS, Fault, bring_up, until_reported, volume


def claim(storage_class: str) -> Object:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Mi"}},
        "storageClassName": storage_class,
    }
    metadata = {"name": "data"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    ("storage_class", "reason", "words"),
    [
        (
            "missing",
            "StorageClassMissing",
            'the StorageClass of claim data does not exist: storageclass.storage.k8s.io "missing"',
        ),
        ("", "ClaimPending", "waits for the volume of claim data: no persistent volumes available for this claim"),
    ],
)
def test_a_claim_without_a_volume_is_reported(
    connector: Connector, kubernetes: Kubernetes, storage_class: str, reason: str, words: str
) -> None:
    kubernetes.apply(claim(storage_class))
    fault = Fault(reason, WAITS, words, **volume(persistentVolumeClaim={"claimName": "data"}))
    until_reported(connector, bring_up(connector, fault), fault)
