"""The former name of ``k8sdataservice.endpoints``."""

from k8sdataservice.endpoints import *  # noqa: F403
