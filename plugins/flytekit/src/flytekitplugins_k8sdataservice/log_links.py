"""Links to the logs of a service's pods, made from the platform's templates."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from flyteidl.core.execution_pb2 import TaskLog

if TYPE_CHECKING:
    from k8sdataservice._core import Pod, Status

#: As Flyte writes placeholders in its own templates: ``{{ .podName }}``, with or without the spaces.
_PLACEHOLDER = re.compile(r"\{\{\s*\.(\w+)\s*\}\}")


def log_links(templates: tuple[tuple[str, str], ...], namespace: str, status: Status) -> list[TaskLog] | None:
    """Returns the links for each pod of a service, or None where there is no template.

    The placeholders are Flyte's: ``podName``, ``namespace``, ``containerName``, ``logName``, and the times
    ``podRFC3339StartTime``, ``podUnixStartTime``, ``podRFC3339FinishTime`` and ``podUnixFinishTime``, of which the last
    two are now, since a service goes on. Others are left as they stand.
    """
    if not templates:
        return None
    now = datetime.now(timezone.utc).timestamp()
    return [
        TaskLog(name=f"{name} {pod.name}", uri=_filled(template, _values(namespace, pod, now)))
        for pod in status.pods
        for name, template in templates
    ]


def _values(namespace: str, pod: Pod, now: float) -> dict[str, str]:
    created = now if pod.created is None else pod.created
    return {
        "podName": pod.name,
        "namespace": namespace,
        "containerName": pod.container,
        "logName": pod.name,
        "podRFC3339StartTime": _rfc3339(created),
        "podUnixStartTime": str(int(created)),
        "podRFC3339FinishTime": _rfc3339(now),
        "podUnixFinishTime": str(int(now)),
    }


def _rfc3339(time: float) -> str:
    return datetime.fromtimestamp(int(time), timezone.utc).isoformat().replace("+00:00", "Z")


def _filled(template: str, values: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)
