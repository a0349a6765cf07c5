"""Images that have nothing for the platform of a node, whose platform only the node itself names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cluster.support.account import ACCOUNT
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, Object
from cluster.support.objects import nothing
from cluster.support.shared import Connectors
from cluster.support.verdicts import ARCHITECTURE, FAILED, FOREIGN, Fault, bring_up, until_reported

RBAC = "rbac.authorization.k8s.io"


@pytest.fixture
def may_get_nodes(kubernetes: Kubernetes, connectors: Connectors) -> Iterator[None]:
    """Lets the connector's account get nodes, which belong to the whole cluster."""
    name = kubernetes.namespace
    rule: Object = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": connectors.namespace}
    kubernetes.apply(
        {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": [rule]},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
            "subjects": [subject],
        },
    )
    yield
    kubernetes.run("delete", "clusterrolebinding", name)
    kubernetes.run("delete", "clusterrole", name)


@pytest.mark.usefixtures("real_pods", "local_registry", "may_get_nodes")
def test_an_account_that_may_get_nodes_names_the_platform_that_an_image_lacks(
    with_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    connector = with_connector("minReadySeconds: 30\n")
    words = f"it has no image for linux/{ARCHITECTURE}, which node"
    fault = Fault("ImagePlatformMismatch", FAILED, words, {"Image": FOREIGN})
    until_reported(connector, bring_up(connector, fault), fault)
    assert kubernetes.services() == nothing()
