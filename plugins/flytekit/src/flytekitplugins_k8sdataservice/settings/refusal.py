"""The former name of ``k8sdataservice.settings.refusal``."""

from k8sdataservice.settings.refusal import *  # noqa: F403
