"""What the tests share: the cluster they run on, a connector, its account, and what is tried on them."""
