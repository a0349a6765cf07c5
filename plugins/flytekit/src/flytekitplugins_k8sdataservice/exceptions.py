"""The former name of ``k8sdataservice.exceptions``."""

from k8sdataservice.exceptions import *  # noqa: F403
