from flytekitplugins_k8sdataservice.sensor import *  # noqa: F403
