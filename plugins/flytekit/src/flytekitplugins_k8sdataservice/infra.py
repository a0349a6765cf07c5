"""Names for services that several tasks and scripts have to know beforehand."""

from __future__ import annotations

import uuid


def gen_infra_name() -> str:
    """Returns a new unique name for a data service: ``flyte-k8sdsinfra-`` and twenty hexadecimal digits."""
    return f"flyte-k8sdsinfra-{uuid.uuid4().hex[:20]}"
