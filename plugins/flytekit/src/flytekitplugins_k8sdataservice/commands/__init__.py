"""The former name of ``k8sdataservice.cli``."""
