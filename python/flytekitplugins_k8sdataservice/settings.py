"""Settings of the platform, read from the environment when they are needed."""

from __future__ import annotations

import os

#: The variable that moves all services to another namespace.
NAMESPACE_VARIABLE = "K8SDATASERVICE_NAMESPACE"

#: The namespace of all services unless the variable says something else.
DEFAULT_NAMESPACE = "flyte"


def namespace() -> str:
    """Returns the namespace that services are made in and looked for."""
    return os.environ.get(NAMESPACE_VARIABLE) or DEFAULT_NAMESPACE


#: The variable that, set to anything, leaves a service that has failed as it is, for inspection.
KEEP_FAILED_VARIABLE = "K8SDATASERVICE_KEEP_FAILED"


def keeps_failed() -> bool:
    """Returns whether services that have failed are left as they are."""
    return bool(os.environ.get(KEEP_FAILED_VARIABLE))
