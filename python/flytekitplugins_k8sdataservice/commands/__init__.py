"""One file per command of ``python -m flytekitplugins_k8sdataservice``."""
