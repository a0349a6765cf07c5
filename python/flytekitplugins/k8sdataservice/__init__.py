from flytekitplugins_k8sdataservice import *  # noqa: F403
