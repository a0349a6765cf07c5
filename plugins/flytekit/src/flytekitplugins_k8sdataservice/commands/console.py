"""The former name of ``k8sdataservice.cli.console``."""

from k8sdataservice.cli.console import *  # noqa: F403
from k8sdataservice.cli.standard_error import log_to_standard_error as log_to_standard_error
