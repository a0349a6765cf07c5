"""The shared parts of the tests: the cluster, a connector, its account, and the cases."""
