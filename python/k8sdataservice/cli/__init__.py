"""The command line: ``dataservice``, ``kubectl dataservice`` or ``python -m k8sdataservice``, a file per command."""
