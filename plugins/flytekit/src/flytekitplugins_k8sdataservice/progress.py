"""The former name of ``k8sdataservice.progress``."""

from k8sdataservice.progress import *  # noqa: F403
