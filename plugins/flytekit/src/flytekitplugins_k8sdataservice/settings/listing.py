"""The former name of ``k8sdataservice.settings.listing``."""

from k8sdataservice.settings.listing import *  # noqa: F403
