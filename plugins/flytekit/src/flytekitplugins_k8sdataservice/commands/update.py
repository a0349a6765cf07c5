"""The former name of ``k8sdataservice.cli.update``."""

from k8sdataservice.cli.update import *  # noqa: F403
