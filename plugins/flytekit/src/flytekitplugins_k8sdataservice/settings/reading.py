"""The former name of ``k8sdataservice.settings.reading``."""

from k8sdataservice.settings.reading import *  # noqa: F403
