"""Merged cells: a person sees one text over all of them, the file has it in the first one only."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from bulk_provision.intake.cells import MERGED, MERGED_ACROSS, Doubt, DoubtfulText


class Area(NamedTuple):
    """Merged cells, all ends included.

    Args:
        top: the first row's number, as the user sees it.
        bottom: the last row's number.
        left: the first column, counted from 0.
        right: the last column.
    """

    top: int
    bottom: int
    left: int
    right: int


class Merges:
    """The merged areas of a sheet, applied to its rows from the top down.

    A cell below the first one shows the first one's text, too; beside it, nothing. Neither is
    certain enough for a credential: both are doubtful texts.

    Args:
        areas: in any order; `add` takes those that only turn up on the way.
    """

    def __init__(self, areas: Iterable[Area] = ()) -> None:
        self._coming = list(areas)
        heapify(self._coming)
        self._open: list[tuple[Area, str]] = []

    def add(self, area: Area) -> None:
        """Learn of an area whose first row was not applied yet."""
        heappush(self._coming, area)

    def apply(self, number: int, cells: list[str]) -> None:
        """Fill the merged cells of a row that has something in it.

        Args:
            number: the row's; each call has a higher one than the last.
            cells: from column A on; lengthened if that is needed.
        """
        if not self._coming and not self._open:
            return
        while self._coming and self._coming[0].top < number:  # its first row is blank: so is it
            self._open.append((heappop(self._coming), ""))
        self._open = [(area, text) for area, text in self._open if area.bottom >= number]
        for area, text in self._open:
            for column in range(area.left, area.right + 1):
                _cover(cells, column, text if column == area.left else "", MERGED)
        while self._coming and self._coming[0].top == number:
            area = heappop(self._coming)
            text = cells[area.left] if area.left < len(cells) else ""
            for column in range(area.left + 1, area.right + 1):
                _cover(cells, column, "", MERGED_ACROSS)
            self._open.append((area, text))


def _cover(cells: list[str], column: int, shown: str, doubt: Doubt) -> None:
    """Make a cell doubtful; some files keep a text under it, which nobody sees."""
    if column >= len(cells):
        cells.extend([""] * (column + 1 - len(cells)))
    cells[column] = DoubtfulText(cells[column] or shown, doubt)
