"""The former name of ``k8sdataservice.update``."""

from k8sdataservice.update import *  # noqa: F403
