"""Merged cells: a person sees one text over all of them, the file has it in the first one only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import IO, NamedTuple

from bulk_provision.intake.cells import MERGED, MERGED_ACROSS, Doubt, DoubtfulText
from bulk_provision.intake.readers.xml_parts import CHUNK, DamagedError
from bulk_provision.intake.records import SHEET_COLUMNS, column_index

_TAIL_LIMIT = 32 << 20  # bytes after the cells: a million merged areas
_CELLS_END = re.compile(rb"</(?:[^<>:]{1,40}:)?sheetData\s*>")
_OVERLAP = 80  # bytes in which such an end may be cut in two
# No further than its own tag: else a part full of beginnings would be looked through from each of
# them to the part's end.
_REFERENCE = re.compile(
    rb"<(?:[^<>:\s]{1,40}:)?mergeCell\s[^<>]*?ref\s{0,9}=\s{0,9}"
    rb"[\"']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})[\"']"
)


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
        self._check(number)
        for area, text in self._open:
            _cover(cells, area.left, area.left, text, MERGED)
            _cover(cells, area.left + 1, area.right, "", MERGED)
        while self._coming and self._coming[0].top == number:
            area = heappop(self._coming)
            text = cells[area.left] if area.left < len(cells) else ""
            _cover(cells, area.left + 1, area.right, "", MERGED_ACROSS)
            self._open.append((area, text))
        self._check(number)

    def _check(self, number: int) -> None:
        """Refuse areas that lie over each other: which of their texts is seen, nobody knows."""
        if sum([area.right - area.left + 1 for area, _ in self._open]) > SHEET_COLUMNS:
            raise DamagedError(f"in row {number}, merged cells lie over each other")


def _cover(cells: list[str], first: int, last: int, shown: str, doubt: Doubt) -> None:
    """Make cells doubtful; some files keep a text under them, which nobody sees."""
    if last >= len(cells):
        cells.extend([""] * (last + 1 - len(cells)))
    blank = DoubtfulText(shown, doubt)
    for column in range(first, last + 1):
        cells[column] = DoubtfulText(cells[column], doubt) if cells[column] else blank


def merged_areas(part: IO[bytes]) -> Iterator[Area]:
    """Yield the merged areas of a worksheet part (ECMA-376 part 1, 18.3.1.55).

    They stand after the cells, where it is too late to know of them: so the part is looked
    through for them first, which is quick, and then parsed.
    """
    for left, top, right, bottom in _REFERENCE.findall(_after_cells(part)):
        first, last = column_index(left.decode()), column_index(right.decode())
        if first is not None and last is not None:
            yield Area(int(top), int(bottom), first, last)


def _after_cells(part: IO[bytes]) -> bytes:
    """Return what follows the cells of a worksheet part."""
    seen, tail = b"", b""
    while not tail and (chunk := _plain(part.read(CHUNK))):
        seen = seen[-_OVERLAP:] + chunk
        if end := _CELLS_END.search(seen):
            tail = seen[end.start() :]
    rest = bytearray(tail)
    while len(rest) <= _TAIL_LIMIT and (chunk := _plain(part.read(CHUNK))):
        rest += chunk
    if len(rest) > _TAIL_LIMIT:
        raise DamagedError(f"after its cells come more than {_TAIL_LIMIT >> 20} MiB")
    return bytes(rest)


def _plain(chunk: bytes) -> bytes:
    """Make ASCII of UTF-16, as far as ASCII is in it."""
    return chunk.replace(b"\x00", b"") if b"\x00" in chunk else chunk
