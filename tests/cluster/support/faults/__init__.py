"""The shared parts of the fault tests: a proxy before the API server, operations, faults, and the judge."""
