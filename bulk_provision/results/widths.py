"""How wide a column should be for its texts: the same for the workbook and for added columns."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SAMPLE = 200
"""Rows that decide a column's width."""

_WIDEST = 70.0


def column_widths(header: Sequence[str], sample: Iterable[Sequence[str]]) -> list[float]:
    """Make each column as wide as its header, with room for the filter's arrow, and its texts."""
    widths = [_width(name) + 4.0 for name in header]
    for texts in sample:
        for column, text in enumerate(texts):
            widths[column] = max(widths[column], _width(text) + 2.0)
    return [min(width, _WIDEST) for width in widths]


def _width(text: str) -> float:
    """Count what a text takes, in characters of the default font: Chinese ones take two."""
    line = max(text[:1000].split("\n"), key=len)
    if line.isascii():
        return float(len(line))
    return float(sum(2 if east_asian_width(character) in "WF" else 1 for character in line))
