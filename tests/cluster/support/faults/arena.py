"""Where the cases happen: one namespace, a connector behind the proxy and another one that has no trouble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cluster.support.configs import config
from cluster.support.connector import Connector, Execution
from cluster.support.faults.api_server import ApiServer
from cluster.support.faults.proxy import FaultProxy
from cluster.support.kubernetes import Kubernetes, Object
from cluster.support.objects import foreign_service, foreign_stateful_set

#: Of more memory than this no pod is admitted, so that a service which asks for it fails at once.
MOST_MEMORY = "64Gi"

#: Services that nobody has any business with: one of the plugin's own and one of somebody else's.
BYSTANDERS = ("neighbour", "stranger")

#: Annotations that calls which share a service write on it, whoever's it is.
_OF_CALLS = tuple(f"k8sdataservice.flyte.org/{name}" for name in ("abandoned-by-call", "adopted-by-call"))

#: The kinds of objects of a data service. Few have the last.
KINDS = {"statefulsets": "/apis/apps/v1", "services": "/api/v1", "poddisruptionbudgets": "/apis/policy/v1"}


@dataclass(frozen=True)
class Arena:
    """One namespace, and the ways into it.

    Attributes:
        kubernetes: The namespace.
        server: The API server itself.
        proxy: The way to it on which things go wrong.
        first: A connector that goes this way.
        second: A connector that does not, to which Flyte's next call goes.
        environment: That of a connector behind the proxy.
    """

    kubernetes: Kubernetes
    server: ApiServer
    proxy: FaultProxy
    first: Connector
    second: Connector
    environment: dict[str, str]

    def populate(self) -> None:
        """Makes the bystanders, and the limit."""
        limit = {"type": "Container", "max": {"memory": MOST_MEMORY}}
        self.kubernetes.apply(
            foreign_stateful_set("stranger"),
            foreign_service("stranger"),
            {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "most"}, "spec": {"limits": [limit]}},
        )
        self.second.create(config("neighbour", Replicas=0), Execution())

    def target(self, kind: str, name: str = "") -> str:
        """Returns the path of an object, or of all objects of a kind."""
        base = KINDS.get(kind, "/api/v1")
        return f"{base}/namespaces/{self.kubernetes.namespace}/{kind}" + (f"/{name}" if name else "")

    def objects(self) -> dict[str, dict[str, Object]]:
        """Returns every object that a data service may consist of, by kind and name."""
        found = {kind: self.server.get(self.target(kind))["items"] for kind in KINDS}
        return {kind: {item["metadata"]["name"]: item for item in items} for kind, items in found.items()}

    def of_service(self, name: str) -> dict[str, Object]:
        """Returns the objects of that name, by kind."""
        return {kind: named[name] for kind, named in self.objects().items() if name in named}

    def bystanders(self) -> dict[str, Any]:
        """Returns what a bystander must find unchanged."""
        return {name: unchanging(self.of_service(name)) for name in BYSTANDERS}

    def apply(self, *objects: Object) -> None:
        """Makes objects, as somebody else would."""
        for content in objects:
            self.server.post(self.target(f"{content['kind'].lower()}s"), content)

    def remove(self, name: str) -> None:
        """Removes what is left under a name."""
        for kind in KINDS:
            self.server.delete(self.target(kind, name))

    def clear(self) -> None:
        """Removes everything but the bystanders."""
        names = {name for named in self.objects().values() for name in named}
        for name in names - set(BYSTANDERS):
            self.remove(name)


def unchanging(objects: dict[str, Object]) -> dict[str, Any]:
    """Returns of objects what nobody but their owner changes; Kubernetes itself writes the rest."""
    return {
        kind: {
            "uid": found["metadata"]["uid"],
            "labels": found["metadata"].get("labels"),
            "annotations": {
                key: value
                for key, value in (found["metadata"].get("annotations") or {}).items()
                if not key.startswith(_OF_CALLS)
            },
            "deleted": found["metadata"].get("deletionTimestamp"),
            "owners": found["metadata"].get("ownerReferences"),
            "spec": found["spec"],
        }
        for kind, found in objects.items()
    }
