"""The one error that leaves this package."""

from __future__ import annotations


class LocalClusterError(Exception):
    """What happened, why, and what to do about it, in sentences for a person."""
