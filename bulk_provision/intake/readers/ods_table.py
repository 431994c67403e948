"""The rows of one table in an OpenDocument spreadsheet, streamed.

Rows and cells are as ODF 1.3 part 3, 9.1 has them. Equal ones in a row are written once with a
count, so a row is kept with its count, and a million empty ones cost nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple
from xml.parsers import expat

from bulk_provision.intake.cells import MERGED, ROW_HIDDEN, Doubt, DoubtfulText
from bulk_provision.intake.readers.merged import Area, Merges
from bulk_provision.intake.readers.ods_cell import OFFICE, TABLE, TEXT, shown_cell
from bulk_provision.intake.readers.workbook import HiddenColumns
from bulk_provision.intake.readers.xml_parts import (
    TEXT_LIMIT,
    DamagedError,
    TextCollector,
    parsed,
    safe_parser,
    whole,
)
from bulk_provision.intake.records import SHEET_COLUMNS, SHEET_ROWS, Record

_CELLS = (TABLE + "table-cell", TABLE + "covered-table-cell")
_GROUPS = frozenset(
    TABLE + name
    for name in (
        *("table-rows", "table-row-group", "table-header-rows"),
        *("table-columns", "table-column-group", "table-header-columns"),
    )
)
_HIDDEN = ("collapse", "filter")
_SHEET_DEPTH = 4  # document-content > body > spreadsheet > table

# What elements stand for is kept apart from the characters in the XML, which holds no such
# controls. A run of XML spaces or line ends is one space by ODF 1.3 part 3, 6.1.2, where `text:s`
# stands for each further one; but LibreOffice shows all of them.
_SPACE, _TAB, _LINE_BREAK = "\x01", "\x02", "\x03"
_STAND_FOR = {TEXT + "tab": _TAB, TEXT + "line-break": _LINE_BREAK}
_PLAIN = str.maketrans({_SPACE: " ", _TAB: "\t", _LINE_BREAK: "\n"})
_RAW_SPACES = re.compile(r"[ \t\r\n]{2}|[\t\r\n]")
_NOT_SHOWN = frozenset(TEXT + name for name in ("note", "ruby-text"))


class _Row(NamedTuple):
    """Equal rows that follow each other.

    Args:
        number: the first one's.
        times: how many they are.
        cells: what each one shows.
        spans: its merged areas: first column, columns, rows.
        doubts: about each row as a whole.
    """

    number: int
    times: int
    cells: list[str]
    spans: list[tuple[int, int, int]]
    doubts: tuple[Doubt, ...]


class TableParser:
    """Reads one table of a document's content, once.

    Args:
        index: which of the document's tables, counted from 0.
        hidden: is told of the columns that are kept out of sight.
    """

    def __init__(self, index: int, hidden: HiddenColumns) -> None:
        self._index = index
        self._hidden = hidden
        self._parser = safe_parser(" ")
        self._text = TextCollector(self._parser)
        self._merges = Merges()
        self._done = False
        self._ignored = 0  # how deep we are in something that is no part of the table
        self._rows: list[_Row] = []
        self._number = 0
        self._columns = 0
        self._start_row({})

    def rows(self, content: IO[bytes]) -> Iterator[Record]:
        """Yield the rows that have cells with something in them.

        Raises:
            DamagedError: the table makes no sense.
            expat.ExpatError: it is no XML.
        """
        watch_tables(self._parser, self._open_table)
        for _ in parsed(self._parser, content):
            for row in self._rows:
                yield from self._records(row)
            self._rows.clear()
            if self._done:
                return
        raise DamagedError("it ends inside a table")

    def _records(self, row: _Row) -> Iterator[Record]:
        for number in range(row.number, row.number + row.times):
            for left, columns, rows in row.spans:
                bottom = min(number + rows - 1, SHEET_ROWS)
                right = min(left + columns, SHEET_COLUMNS) - 1
                self._merges.add(Area(number, bottom, left, right))
            if row.cells:
                cells = list(row.cells)
                self._merges.apply(number, cells)
                yield number, cells, row.doubts

    def _open_table(self, index: int, _: dict[str, str]) -> None:
        if index == self._index:
            self._parser.StartElementHandler = self._start
            self._parser.EndElementHandler = self._end

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._ignored:
            self._ignored += 1
        elif self._in_cell:
            self._start_inside_cell(name, attributes)
        elif name in _CELLS:
            self._start_cell(name, attributes)
        elif name == TABLE + "table-row":
            self._start_row(attributes)
        elif name == TABLE + "table-column":
            self._start_column(attributes)
        elif name not in _GROUPS:
            self._ignored = 1  # shapes, forms, nested tables

    def _end(self, name: str) -> None:
        if self._ignored:
            self._ignored -= 1
            if not self._ignored and self._in_paragraph:
                self._text.start()
        elif name == TEXT + "p":
            self._end_paragraph()
        elif name in _CELLS:
            self._end_cell()
        elif name == TABLE + "table-row":
            self._end_row()
        elif name == TABLE + "table":
            self._done = True
            self._parser.StartElementHandler = None
            self._parser.EndElementHandler = None

    def _start_column(self, attributes: dict[str, str]) -> None:
        end = self._columns + _count(attributes, "number-columns-repeated")
        if attributes.get(TABLE + "visibility") in _HIDDEN:
            self._hidden.add(self._columns, end)
        self._columns = end

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._repeated = _count(attributes, "number-rows-repeated")
        hidden = attributes.get(TABLE + "visibility") in _HIDDEN
        self._doubts = (ROW_HIDDEN,) if hidden else ()
        self._cells: list[str] = []
        self._spans: list[tuple[int, int, int]] = []
        self._column = 0
        self._in_cell = self._in_paragraph = False

    def _end_row(self) -> None:
        number = self._number + 1
        self._number += self._repeated
        if self._cells:
            if self._number > SHEET_ROWS:
                raise DamagedError(f"it has more than {SHEET_ROWS:,} rows")
            self._rows.append(_Row(number, self._repeated, self._cells, self._spans, self._doubts))
        elif self._spans and number <= SHEET_ROWS:  # blank, and so is what is merged with it
            self._rows.append(_Row(number, 1, [], self._spans, ()))

    def _start_cell(self, name: str, attributes: dict[str, str]) -> None:
        self._in_cell = True
        self._covered = name != _CELLS[0]
        self._attributes = attributes
        self._paragraphs = 0

    def _start_inside_cell(self, name: str, attributes: dict[str, str]) -> None:
        """Tell text from what only lies on the cell: annotations, shapes, nested tables."""
        if name == TEXT + "p" and not self._in_paragraph:
            self._in_paragraph = True
            self._paragraphs += 1
            if self._paragraphs > 1:
                self._text.add(_LINE_BREAK)
            self._text.start()
        elif not self._in_paragraph or not name.startswith(TEXT) or name in _NOT_SHOWN:
            self._ignored = 1
            self._text.pause()
        elif name == TEXT + "s":
            spaces = min(whole(attributes.get(TEXT + "c", "1")), TEXT_LIMIT + 1)
            self._text.add(_SPACE * spaces)
        elif name in _STAND_FOR:
            self._text.add(_STAND_FOR[name])

    def _end_paragraph(self) -> None:
        self._in_paragraph = False
        self._text.pause()

    def _end_cell(self) -> None:
        self._in_cell = False
        raw = self._text.take()
        text = raw.translate(_PLAIN) if self._paragraphs else None
        unsure = _RAW_SPACES.search(raw) is not None
        shown = shown_cell(self._attributes, text, spaces_unsure=unsure)
        if shown and self._covered:
            shown = DoubtfulText(shown, MERGED)
        columns = _count(self._attributes, "number-columns-spanned")
        rows = _count(self._attributes, "number-rows-spanned")
        if columns > 1 or rows > 1:
            self._spans.append((self._column, columns, rows))
        count = _count(self._attributes, "number-columns-repeated")
        if shown:
            if self._column + count > SHEET_COLUMNS:
                raise DamagedError(f"row {self._number + 1} has more than {SHEET_COLUMNS:,} cells")
            self._cells.extend([""] * (self._column - len(self._cells)))
            self._cells.extend([shown] * count)
        self._column += count


def watch_tables(
    parser: expat.XMLParserType,
    opened: Callable[[int, dict[str, str]], None],
    other: Callable[[str, dict[str, str]], None] = lambda _, __: None,
) -> None:
    """Have a parser tell of the sheets of a document's content (ODF 1.3 part 3, 3.1.3.2).

    Args:
        parser: a new one, which puts a space between names and namespaces.
        opened: is given each sheet's number, from 0 on, and its attributes.
        other: is given the elements about styles, their names and attributes.
    """
    depth = tables = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, tables
        depth += 1
        if depth > _SHEET_DEPTH:
            return
        if depth == 1 and name != OFFICE + "document-content":
            raise DamagedError("it is no OpenDocument content")
        if depth == _SHEET_DEPTH and name == TABLE + "table":
            tables += 1
            opened(tables - 1, attributes)
        else:
            other(name, attributes)

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler = start
    parser.EndElementHandler = end


def _count(attributes: dict[str, str], name: str) -> int:
    count = whole(attributes.get(TABLE + name, "1"))
    if count < 1:
        raise DamagedError(f"{name} is {count}")
    return count
