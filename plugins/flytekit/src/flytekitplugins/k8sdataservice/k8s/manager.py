from flytekitplugins_k8sdataservice.kube_config import KubeConfig as KubeConfig
from flytekitplugins_k8sdataservice.manager import *  # noqa: F403
