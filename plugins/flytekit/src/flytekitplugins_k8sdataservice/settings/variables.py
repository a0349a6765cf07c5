"""The former name of ``k8sdataservice.settings.variables``."""

from k8sdataservice.settings.misspelled import misspelled as misspelled
from k8sdataservice.settings.variables import *  # noqa: F403
