"""Lets the peer run outside a cluster: it knows the configuration inside of one only.

Python imports this at its start when the folder is on its path. That is so for the peer's connector alone, and never
where imports are measured.
"""

from importlib import import_module

# By name, since only the peer's environment has the package.
config = import_module("kubernetes.config")
vars(config)["load_incluster_config"] = config.load_kube_config
