"""The demonstration: a workflow with a data service on a real cluster, step by step. Run by ``make demo-cluster``."""
