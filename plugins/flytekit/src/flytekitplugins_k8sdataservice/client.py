"""The former name of ``k8sdataservice.default_client``."""

from k8sdataservice.default_client import *  # noqa: F403
