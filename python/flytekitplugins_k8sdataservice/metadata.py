"""What Flyte keeps between the calls for one task, and hands to whichever replica of the connector it calls next."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from flytekit.extend.backend.base_connector import ResourceMeta

from flytekitplugins_k8sdataservice import settings
from flytekitplugins_k8sdataservice.config import DataServiceConfig

#: The fields of the configuration that get and delete need. The rest stays out: Flyte stores this in the workflow's
#: object in etcd, and a Command can be long.
_KEPT = ("Name", "Port", "Replicas", "ExistingReleaseName", "Cluster")


@dataclass
class DataServiceMetadata(ResourceMeta):
    """The state of a data service task, in the shape the plugin has always used.

    Attributes:
        dataservice_config: The configuration, without what get and delete do not need.
        name: The name of the service.
        namespace: The namespace it lives in.
        owner: The owner it was made for; None if an older version of the plugin made it.
        uid: The uid of its StatefulSet; None for an existing service.
    """

    dataservice_config: DataServiceConfig
    name: str
    namespace: str
    owner: str | None = None
    uid: str | None = None

    def encode(self) -> bytes:
        """Returns the state as JSON of less than 1 KiB."""
        config = {field: getattr(self.dataservice_config, field) for field in _KEPT}
        kept = {key: value for key, value in config.items() if value is not None}
        state = {
            "dataservice_config": kept,
            "name": self.name,
            "namespace": self.namespace,
            "owner": self.owner,
            "uid": self.uid,
        }
        return json.dumps(state, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> DataServiceMetadata:
        """Reads the state back, whatever version of the plugin wrote it: keys may be missing or unknown."""
        state: dict[str, Any] = json.loads(data)
        written = state.get("dataservice_config") or {}
        known = {field.name for field in fields(DataServiceConfig)}
        config = DataServiceConfig(**{key: value for key, value in written.items() if key in known})
        return cls(
            dataservice_config=config,
            name=state.get("name") or config.ExistingReleaseName or config.Name or "",
            namespace=state.get("namespace") or settings.namespace(),
            owner=state.get("owner"),
            uid=state.get("uid"),
        )
