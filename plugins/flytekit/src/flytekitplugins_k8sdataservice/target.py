"""The former name of ``k8sdataservice.target``."""

from k8sdataservice.target import *  # noqa: F403
