"""The cluster configuration under the name that older code imports."""

from __future__ import annotations

from k8sdataservice.default_client import default_client, warn

__all__ = ["KubeConfig"]


class KubeConfig:
    """Finds the cluster: the one this process runs in, else the kubeconfig's current context."""

    def load_kube_config(self) -> None:
        """Checks that there is a configuration that can be used. Every other call does so by itself.

        Raises:
            DataServiceError: No cluster is configured.
        """
        warn(default_client().connect_sync())
