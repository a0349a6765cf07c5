"""What the fault tests share: a proxy before the API server, operations, faults, and the judge."""
