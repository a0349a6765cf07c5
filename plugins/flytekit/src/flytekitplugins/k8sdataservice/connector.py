from flytekitplugins_k8sdataservice.config import DataServiceConfig as DataServiceConfig
from flytekitplugins_k8sdataservice.connector import *  # noqa: F403
from flytekitplugins_k8sdataservice.manager import K8sManager as K8sManager
