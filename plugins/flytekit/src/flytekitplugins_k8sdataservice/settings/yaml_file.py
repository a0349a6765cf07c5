"""The former name of ``k8sdataservice.settings.yaml_file``."""

from k8sdataservice.settings.yaml_file import *  # noqa: F403
