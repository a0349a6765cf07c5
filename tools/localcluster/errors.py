"""The one error that leaves this package."""

from __future__ import annotations


class LocalClusterError(Exception):
    """An error with its reason and what to do, in sentences for a person."""
