"""The former name of ``k8sdataservice.cli.loading``."""

from k8sdataservice.cli.loading import *  # noqa: F403
