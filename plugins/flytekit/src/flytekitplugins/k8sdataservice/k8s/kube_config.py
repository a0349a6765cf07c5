from flytekitplugins_k8sdataservice.kube_config import *  # noqa: F403
