"""A real Kubernetes cluster on one Linux machine, without Docker, for tests and demonstrations."""

from localcluster.cluster import LocalCluster
from localcluster.errors import LocalClusterError

__all__ = ["LocalCluster", "LocalClusterError"]
