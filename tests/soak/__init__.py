"""The soak: services come and go while cluster and connectors are disturbed. Run by ``make soak``."""
