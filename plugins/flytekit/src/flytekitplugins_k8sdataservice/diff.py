"""The former name of ``k8sdataservice.cli.diff``."""

from k8sdataservice.cli.diff import *  # noqa: F403
