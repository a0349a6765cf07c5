from flytekitplugins_k8sdataservice.task import *  # noqa: F403
