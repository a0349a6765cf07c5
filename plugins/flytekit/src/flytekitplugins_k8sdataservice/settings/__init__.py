"""The former name of ``k8sdataservice.settings``."""

from k8sdataservice.settings import *  # noqa: F403
from k8sdataservice.settings import DEFAULT_NAMESPACE as DEFAULT_NAMESPACE

from flytekitplugins_k8sdataservice.startup import check_settings_of_connector as check_at_start  # noqa: F401
