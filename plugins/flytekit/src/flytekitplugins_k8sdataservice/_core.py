"""The former name of ``k8sdataservice._core``."""

from k8sdataservice._core import *  # noqa: F403
