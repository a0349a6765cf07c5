"""The former name of ``k8sdataservice.cli.plan``."""

from k8sdataservice.cli.plan import *  # noqa: F403
