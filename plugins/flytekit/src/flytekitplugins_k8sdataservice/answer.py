"""The former name of ``flytekitplugins_k8sdataservice.resource``."""

from flytekitplugins_k8sdataservice.resource import *  # noqa: F403
