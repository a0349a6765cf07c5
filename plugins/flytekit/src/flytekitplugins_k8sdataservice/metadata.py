"""What Flyte keeps between the calls for one task, and hands to whichever replica of the connector it calls next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flytekit.extend.backend.base_connector import ResourceMeta
from k8sdataservice import settings
from k8sdataservice.exceptions import InvalidSpecError

from flytekitplugins_k8sdataservice.config import DataServiceConfig

#: The fields of the configuration that get and delete need. The rest stays out: Flyte stores this in the workflow's
#: object in etcd, and a Command can be long.
_KEPT = ("Name", "Port", "Replicas", "ExistingReleaseName", "Cluster")

#: Where the keys travel that version 1 does not know. It refuses unknown ones, but does not look into this one.
_CARRIER = "Requests"

#: The only namespace of version 1.
_NAMESPACE_OF_VERSION_1 = "flyte"


@dataclass
class DataServiceMetadata(ResourceMeta):
    """The state of a data service task, in the shape the plugin has always used.

    During a rolling update, and after a rollback, version 1 reads what this version has written, and the reverse.

    Attributes:
        dataservice_config: The configuration, without what get and delete do not need.
        name: The name of the service.
        namespace: The namespace it lives in. Default: that of the configuration, else the platform's.
        owner: The owner it was made for; None if version 1 of the plugin made it.
        uid: The uid of its StatefulSet; None for an existing service.
    """

    dataservice_config: DataServiceConfig
    name: str
    namespace: str = ""
    owner: str | None = None
    uid: str | None = None

    def __post_init__(self) -> None:
        """Fills in the namespace."""
        config = self.dataservice_config
        self.namespace = self.namespace or config.Namespace or settings.namespace(config.Cluster)

    def encode(self) -> bytes:
        """Returns the state as JSON of less than 1 KiB."""
        config = {field: getattr(self.dataservice_config, field) for field in _KEPT}
        # Version 1 polls the service of this name, also where it exists already.
        config["Name"] = config["Name"] or self.name
        kept = {key: value for key, value in config.items() if value is not None}
        kept[_CARRIER] = {"namespace": self.namespace, "owner": self.owner, "uid": self.uid}
        return json.dumps({"dataservice_config": kept, "name": self.name}, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> DataServiceMetadata:
        """Reads the state back, whatever version of the plugin wrote it: keys may be missing or unknown.

        Raises:
            InvalidSpecError: No version has written this.
        """
        return cls(*_decoded(data))


@lru_cache(maxsize=4096)
def _decoded(data: bytes) -> tuple[DataServiceConfig, str, str, str | None, str | None]:
    """Returns the attributes of a state. The same one comes with every poll of a service, and nobody changes it."""
    state = _object(_parsed(data), "it")
    written = _object(state.get("dataservice_config") or {}, "dataservice_config")
    carried = written.get(_CARRIER)
    # Version 2.0 had these beside the name.
    own = carried if isinstance(carried, dict) and "namespace" in carried else state
    namespace = _text(own, "namespace")
    existing = _text(written, "ExistingReleaseName")
    given = _text(written, "Name")
    config = DataServiceConfig(
        Name=None if given == existing else given,
        Port=_number(written, "Port"),
        Replicas=_number(written, "Replicas"),
        ExistingReleaseName=existing,
        # Version 1, which writes no namespace, made everything in the cluster that it ran in.
        Cluster=_text(written, "Cluster") if namespace else None,
    )
    name = _text(state, "name") or existing or given
    if not name:
        raise _unreadable("it names no service")
    return config, name, namespace or _NAMESPACE_OF_VERSION_1, _text(own, "owner"), _text(own, "uid")


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    # A text that is nested too deep for Python's reader is no state either.
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
    """Returns a number as it was written: older versions wrote floats, and text where the user did."""
    value = written.get(key)
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value != value):
        raise _unreadable(f"its {key} is no number")
    return value


def _unreadable(why: str) -> InvalidSpecError:
    error = InvalidSpecError(f"resource_meta is not what a data service task has written: {why}.")
    error.field = "resource_meta"
    return error
