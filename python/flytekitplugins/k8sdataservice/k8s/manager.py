from flytekitplugins_k8sdataservice.manager import *  # noqa: F403
