"""Configurations for plans: some that can never run, and some that do. More of either is one more entry."""
