"""Tables in the form of kubectl's."""

from __future__ import annotations

from collections.abc import Sequence

#: How many spaces separate two columns, as in kubectl.
_GAP = "   "

#: The units of a span, in seconds, and from how many of each on it is the one to show: as in kubectl.
_UNITS = ((86400, 2, "d"), (3600, 3, "h"), (60, 3, "m"), (1, 0, "s"))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns rows as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [line.rstrip() for line in lines]


def span(seconds: float) -> str:
    """Returns a time in seconds as kubectl shows ages, such as ``3h``."""
    whole = max(0, int(seconds))
    for unit, least, letter in _UNITS:
        if whole >= unit * least:
            return f"{whole // unit}{letter}"
    return f"{whole}s"
