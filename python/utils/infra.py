"""Names for services, under the import path that the plugin's documentation uses."""

import uuid


def gen_infra_name() -> str:
    """Returns a new unique name for a data service: ``flyte-k8sdsinfra-`` and twenty hexadecimal digits."""
    return f"flyte-k8sdsinfra-{uuid.uuid4().hex[:20]}"
