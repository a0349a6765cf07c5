"""The former name of ``k8sdataservice.plan``."""

from k8sdataservice.plan import *  # noqa: F403
