"""What Flyte keeps between the calls for one task, and hands to whichever replica of the connector it calls next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flytekit.extend.backend.base_connector import ResourceMeta

from flytekitplugins_k8sdataservice import settings
from flytekitplugins_k8sdataservice.config import DataServiceConfig
from flytekitplugins_k8sdataservice.exceptions import InvalidSpecError

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
        """Reads the state back, whatever version of the plugin wrote it: keys may be missing or unknown.

        Raises:
            InvalidSpecError: No version has written this.
        """
        state = _object(_parsed(data), "it")
        written = _object(state.get("dataservice_config") or {}, "dataservice_config")
        config = DataServiceConfig(
            Name=_text(written, "Name"),
            Port=_number(written, "Port"),
            Replicas=_number(written, "Replicas"),
            ExistingReleaseName=_text(written, "ExistingReleaseName"),
            Cluster=_text(written, "Cluster"),
        )
        name = _text(state, "name") or config.ExistingReleaseName or config.Name
        if not name:
            raise _unreadable("it names no service")
        return cls(
            dataservice_config=config,
            name=name,
            namespace=_text(state, "namespace") or settings.namespace(),
            owner=_text(state, "owner"),
            uid=_text(state, "uid"),
        )


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    # What is nested too deep for Python's reader is no state either.
    except (ValueError, RecursionError):
        raise _unreadable("it is no JSON") from None


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unreadable(f"{what} is no dictionary")
    return value


def _text(written: dict[str, Any], key: str) -> str | None:
    value = written.get(key)
    if value is None:
        return None
    # JSON can hold halves of characters, which nothing can be called.
    if not isinstance(value, str) or any("\ud800" <= character <= "\udfff" for character in value):
        raise _unreadable(f"its {key} is no text")
    return value


def _number(written: dict[str, Any], key: str) -> Any:
    """Returns a number as it was written: older versions wrote floats."""
    value = written.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value != value):
        raise _unreadable(f"its {key} is no number")
    return value


def _unreadable(why: str) -> InvalidSpecError:
    error = InvalidSpecError(f"resource_meta is not what a data service task has written: {why}.")
    error.field = "resource_meta"
    return error
