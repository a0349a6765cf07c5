"""Local mode under disturbances: services come and go, replicas and whole owners are killed, and nothing is left."""
