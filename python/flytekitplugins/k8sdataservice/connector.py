from flytekitplugins_k8sdataservice.connector import *  # noqa: F403
