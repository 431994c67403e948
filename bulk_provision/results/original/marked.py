"""Cells that are wrong, coloured in the user's own workbook, each with a comment that says why."""

from __future__ import annotations

from functools import partial
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

from bulk_provision.intake.readers.xml_parts import whole
from bulk_provision.intake.records import SHEET_COLUMNS, SHEET_ROWS, column_letter
from bulk_provision.results.original.cells import blank_cell, row_of
from bulk_provision.results.original.comments import Note, add_notes
from bulk_provision.results.original.package import Package, Place, damage_told, find_sheet
from bulk_provision.results.original.scan import Area, Element, SheetScan, dimension_edits
from bulk_provision.results.original.splice import Edit, splice
from bulk_provision.results.original.styles import Styles, styles_of
from bulk_provision.results.original.tags import (
    closes_itself,
    closing,
    opened,
    with_attribute,
    without_attribute,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulk_provision.results.original import Mark

_TRUE = ("1", "true")


class Wrong(NamedTuple):
    """All that is wrong with one cell."""

    text: str
    warning: bool


Places: TypeAlias = dict[int, dict[int, Wrong]]
"""Row, then column, both rising: what is wrong there."""


def write(source: BinaryIO, target: BinaryIO, sheet: str, marks: Sequence[Mark]) -> None:
    """Write a marked copy; see `original.write_marked`."""
    with damage_told():
        package = Package(source)
        place = find_sheet(package, sheet)
        if marks:
            _mark(package, place, _by_place(marks))
        package.write(target)


def _by_place(marks: Sequence[Mark]) -> Places:
    """Gather the marks of one cell; what is wrong outdoes what is only doubtful."""
    places: Places = {}
    for mark in sorted(marks, key=lambda mark: mark[:2]):
        if not (1 <= mark.row <= SHEET_ROWS and 0 <= mark.column < SHEET_COLUMNS):
            raise ValueError(f"no cell of a worksheet: row {mark.row}, column {mark.column}")
        row = places.setdefault(mark.row, {})
        wrong = Wrong(mark.text, mark.warning)
        if before := row.get(mark.column):
            warning = before.warning and wrong.warning
            wrong = Wrong(f"{before.text}\n{wrong.text}", warning)
        row[mark.column] = wrong
    return places


def _mark(package: Package, place: Place, places: Places) -> None:
    styles_part, styles = styles_of(package, place)
    scan = _MarkedRows(places, styles)
    with package.open(place.part) as part:
        edits = scan.read(part)
    package.put(styles_part, styles.content())
    notes = [
        Note(row, column, wrong.text)
        for row, columns in places.items()
        for column, wrong in columns.items()
    ]
    edits += add_notes(package, place, scan, notes)
    edits += dimension_edits(scan, (Area(*cell, *cell) for cell in scan.new_cells))
    edits.sort(key=lambda edit: edit[:2])
    package.put(place.part, partial(_write_sheet, package, place.part, edits))


def _write_sheet(package: Package, part: str, edits: Sequence[Edit], target: IO[bytes]) -> None:
    with package.open(part) as old:
        splice(old, edits, target)


class _MarkedRows(SheetScan):
    """Finds the marked cells, and makes those that are not there.

    Args:
        places: the marks.
        styles: gives each style its coloured twin.
    """

    def __init__(self, places: Places, styles: Styles) -> None:
        super().__init__()
        self.new_cells: list[tuple[int, int]] = []
        self._places = places
        self._ahead = list(reversed(places))  # rows that were not met yet, the next one last
        self._styles = styles
        self._edits: list[Edit] = []
        self._marked: _Row | None = None

    def read(self, part: IO[bytes]) -> list[Edit]:
        """Return what is to be changed, in no certain order."""
        for _ in self.feed(part):
            pass
        return self._edits

    def enter_rows(self) -> None:
        """Read the rows."""
        self._parser.StartElementHandler = self._start_in_rows
        self._parser.EndElementHandler = self._end_in_rows

    def no_rows(self, data: Element) -> None:
        """Give a sheet without any row those that are marked."""
        rows = b"".join(self._new_rows(SHEET_ROWS + 1))
        if rows:
            new = opened(data.tag) + rows + closing(data.tag)
            self._edits.append(Edit(data.start, data.end, new))

    def _start_in_rows(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._row_name:
            number = self.number_of(attributes)
            here = self.here()
            self._edits += [Edit(here, here, row) for row in self._new_rows(number)]
            if number in self._places:
                self._ahead.pop()
                self._marked = _Row(number, here, self.tag(), attributes)
            else:
                self._parser.StartElementHandler = None
        elif name == self._cell_name and self._marked:
            row = self._marked
            row.column = self.column_of(attributes, row.column)
            row.cells[row.column] = (self.here(), self.tag(), attributes)

    def _end_in_rows(self, name: str) -> None:
        if name == self._row_name:
            if self._marked:
                self._edits += self._row_edits(self._marked, self.here())
                self._marked = None
            if self._ahead:  # else what follows is passed over
                self._parser.StartElementHandler = self._start_in_rows
            else:
                self._parser.StartElementHandler = None
        elif name == self._data_name:
            here = self.here()
            self._edits += [Edit(here, here, row) for row in self._new_rows(SHEET_ROWS + 1)]
            self.rows_end()

    def _new_rows(self, before: int) -> list[bytes]:
        """Make the marked rows that are not there."""
        rows = []
        while self._ahead and self._ahead[-1] < before:
            number = self._ahead.pop()
            cells = "".join(
                self._new_cell(number, column, self._style_of(column))
                for column in self._places[number]
            )
            rows.append(row_of(self.prefix, number, cells))
        return rows

    def _new_cell(self, number: int, column: int, style: int) -> str:
        warning = self._places[number][column].warning
        self.new_cells.append((number, column))
        style = self._styles.marked(style, warning=warning)
        return blank_cell(self.prefix, f"{column_letter(column)}{number}", style)

    def _style_of(self, column: int) -> int:
        """Return the style that a column gives to cells which are not there."""
        for element in self.columns:
            attributes = element.attributes
            if whole(attributes.get("min")) <= column + 1 <= whole(attributes.get("max")):
                return whole(attributes.get("style", "0"))
        return 0

    def _row_edits(self, row: _Row, end: int) -> list[Edit]:
        """Mark a row's cells.

        Args:
            row: the row.
            end: where its end tag begins.
        """
        edits, behind, is_new = [], "", False
        for column, wrong in self._places[row.number].items():
            if found := row.cells.get(column):
                start, tag, attributes = found
                style = whole(attributes.get("s", "0"))
                new = with_attribute(tag, "s", self._styles.marked(style, warning=wrong.warning))
                edits.append(Edit(start, start + len(tag), new))
                continue
            is_new = True
            style = self._style_of(column) if row.style is None else row.style
            cell = self._new_cell(row.number, column, style)
            later = [start for other, (start, _, _) in row.cells.items() if other > column]
            if later:
                edits.append(Edit(min(later), min(later), cell.encode()))
            else:
                behind += cell
        if is_new:
            edits += row.with_cells(behind.encode(), end)
        return edits


class _Row:
    """A marked row that is there.

    Args:
        number: its number.
        start: where its start tag begins.
        tag: its start tag.
        attributes: of it.

    Attributes:
        column: of the cell met last.
        cells: column → place, start tag and attributes.
        style: what the row gives to cells that are not there, if it does.
    """

    def __init__(self, number: int, start: int, tag: bytes, attributes: dict[str, str]) -> None:
        self.number = number
        self.start = start
        self.tag = tag
        self.column = -1
        self.cells: dict[int, tuple[int, bytes, dict[str, str]]] = {}
        has_style = attributes.get("customFormat") in _TRUE
        self.style = whole(attributes.get("s", "0")) if has_style else None

    def with_cells(self, behind: bytes, end: int) -> list[Edit]:
        """Give it new cells; what it says of the columns that it spans is not true any more.

        Args:
            behind: those behind all others.
            end: where its end tag begins.
        """
        tag = without_attribute(self.tag, "spans")
        edits = []
        if closes_itself(tag):
            tag = opened(tag) + behind + closing(tag)
        elif behind:
            edits.append(Edit(end, end, behind))
        if tag != self.tag:
            edits.append(Edit(self.start, self.start + len(self.tag), tag))
        return edits
