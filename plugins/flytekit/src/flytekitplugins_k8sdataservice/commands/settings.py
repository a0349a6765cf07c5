"""The former name of ``k8sdataservice.cli.settings``."""

from k8sdataservice.cli.settings import *  # noqa: F403
