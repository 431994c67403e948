"""Columns added at the right of everything that the user's own worksheet holds."""

from __future__ import annotations

from functools import partial
from heapq import merge
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, BinaryIO

from bulk_provision.errors import ResultsError
from bulk_provision.intake.readers.xml_parts import whole
from bulk_provision.intake.records import SHEET_COLUMNS, SHEET_ROWS, column_letter
from bulk_provision.results.original.cells import FORMULA_LIKE, row_of, text_cell
from bulk_provision.results.original.package import Package, damage_told, find_sheet
from bulk_provision.results.original.scan import (
    Area,
    Element,
    SheetScan,
    dimension_edits,
    reference,
)
from bulk_provision.results.original.splice import Edit, splice
from bulk_provision.results.original.styles import AddedLooks, styles_of
from bulk_provision.results.original.tags import (
    closes_itself,
    closing,
    opened,
    with_attribute,
    without_attribute,
)
from bulk_provision.results.widths import SAMPLE, column_widths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bulk_provision.results.original import Added, AddedRow


def write(source: BinaryIO, target: BinaryIO, sheet: str, added: Added) -> None:
    """Write an annotated copy; see `original.write_annotated`."""
    with damage_told():
        package = Package(source)
        place = find_sheet(package, sheet)
        styles_part, styles = styles_of(package, place)
        extent = _Extent(added.header_row)
        with package.open(place.part) as part:
            extent.read(part)
        first = extent.right + 1
        if first + len(added.headers) > SHEET_COLUMNS:
            raise ResultsError(
                f"The sheet {sheet} has no room for {len(added.headers)} more columns: its cells "
                f"reach to column {column_letter(extent.right)}.",
                "Delete the columns right of the table, also those that are only formatted, and "
                "save the workbook; or leave out --annotate.",
            )
        rows = iter(added.rows)
        sample = list(islice(rows, SAMPLE))
        widths = column_widths(added.headers, [row.texts for row in sample])
        frame = _frame_edits(extent, added.header_row, first, widths)
        frame.sort(key=lambda edit: edit[:2])
        cells = _Cells(extent.prefix, first, added, chain(sample, rows), styles.added())
        package.put(styles_part, styles.content())
        package.put(place.part, partial(_write_sheet, package, place.part, frame, cells))
        package.write(target)


def _write_sheet(
    package: Package, part: str, frame: Sequence[Edit], cells: _Cells, target: IO[bytes]
) -> None:
    """Write the worksheet: one stream of it is looked at, another one is copied."""
    with package.open(part) as looked_at, package.open(part) as copied:
        rows = _RowEnds(cells).edits(looked_at)
        # At one place, rows go before what stands behind them.
        splice(copied, merge(rows, frame, key=lambda edit: edit[:2]), target)


class _Extent(SheetScan):
    """Finds the last column and the last row that a worksheet uses.

    Args:
        header_row: what is merged above it is only a title, however far it reaches.

    Attributes:
        right: the last column used, from 0; -1 if there is none.
        bottom: the last row used.
    """

    def __init__(self, header_row: int) -> None:
        super().__init__()
        self.right = -1
        self.bottom = header_row
        self._header_row = header_row
        self._column = -1

    def read(self, part: IO[bytes]) -> None:
        """Read all of it."""
        for _ in self.feed(part):
            pass
        self.bottom = max(self.bottom, self._row)

    def merged(self, area: Area) -> None:
        """Leave merged cells alone: what is added under them would not be seen."""
        if area.bottom >= self._header_row:
            self.right = max(self.right, area.right)

    def enter_rows(self) -> None:
        """Read the rows."""
        self._parser.StartElementHandler = self._start_in_rows
        self._parser.EndElementHandler = self._end_in_rows

    def _start_in_rows(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._cell_name:
            self._column = column = self.column_of(attributes, self._column)
            if column > self.right:  # noqa: PLR1730 - asked millions of times: a call costs
                self.right = column
        elif name == self._row_name:
            self.number_of(attributes)
            self._column = -1

    def _end_in_rows(self, name: str) -> None:
        if name == self._data_name:
            self.rows_end()


class _Cells:
    """The cells that are added, row by row.

    Args:
        prefix: of the worksheet's namespace.
        first: the first added column, from 0.
        added: the header.
        rows: what follows.
        looks: the styles.
    """

    def __init__(
        self,
        prefix: str,
        first: int,
        added: Added,
        rows: Iterable[AddedRow],
        looks: AddedLooks,
    ) -> None:
        self.prefix = prefix
        self._letters = [column_letter(first + place) for place in range(len(added.headers))]
        self._looks = looks
        self._rows = self._written(added, rows)
        self._next = next(self._rows)

    def of(self, number: int) -> bytes:
        """Return the cells of a row; nothing if it has none."""
        if self._next[0] != number:
            return b""
        cells = self._next[1]
        self._advance()
        return cells.encode()

    def rows_before(self, number: int) -> Iterator[bytes]:
        """Yield the rows that the sheet does not have."""
        while self._next[0] < number:
            if self._next[1]:
                yield row_of(self.prefix, *self._next)
            self._advance()

    def _advance(self) -> None:
        before = self._next[0]
        self._next = next(self._rows, (SHEET_ROWS + 2, ""))
        if before >= self._next[0]:
            raise ValueError(f"row {self._next[0]} is added after row {before}")

    def _written(self, added: Added, rows: Iterable[AddedRow]) -> Iterator[tuple[int, str]]:
        header = [
            text_cell(self.prefix, f"{letter}{added.header_row}", self._looks.header, text)
            for letter, text in zip(self._letters, added.headers, strict=True)
        ]
        yield added.header_row, "".join(header)
        for row in rows:
            if row.number > SHEET_ROWS:
                raise ValueError(f"a worksheet has no row {row.number}")
            yield row.number, "".join(self._row(row))

    def _row(self, row: AddedRow) -> Iterator[str]:
        looks = self._looks
        for place, (letter, text) in enumerate(zip(self._letters, row.texts, strict=True)):
            if not text:
                continue
            style = looks.text
            if text[0] in FORMULA_LIKE:
                style = looks.formula_like
            elif place == 0 and row.outcome is not None:
                style = looks.outcomes[row.outcome]
            yield text_cell(self.prefix, f"{letter}{row.number}", style, text)


class _RowEnds(SheetScan):
    """Finds where each row ends, and puts the added cells there."""

    def __init__(self, cells: _Cells) -> None:
        super().__init__()
        self._cells = cells
        self._edits: list[Edit] = []
        self._new = b""  # the cells of the row at hand

    def edits(self, part: IO[bytes]) -> Iterator[Edit]:
        """Yield what is to be changed, as the part is read."""
        for _ in self.feed(part):
            yield from self._edits
            self._edits.clear()

    def enter_rows(self) -> None:
        """Read the rows."""
        self._parser.StartElementHandler = self._start_in_rows
        self._parser.EndElementHandler = self._end_in_rows

    def no_rows(self, data: Element) -> None:
        """Give a sheet without any row those that are added."""
        self._edits.append(Edit(data.start, data.end, opened(data.tag)))
        self._insert(data.end, self._cells.rows_before(SHEET_ROWS + 1))
        self._insert(data.end, [closing(data.tag)])

    def _start_in_rows(self, name: str, attributes: dict[str, str]) -> None:
        if name != self._row_name:
            return
        number = self.number_of(attributes)
        here = self.here()
        self._insert(here, self._cells.rows_before(number))
        if new := self._cells.of(number):
            old = self.tag()
            # What it says of the columns that it spans is not true any more.
            tag = without_attribute(old, "spans")
            if closes_itself(tag):
                tag = opened(tag) + new + closing(tag)
                new = b""
            if tag != old:
                self._edits.append(Edit(here, here + len(old), tag))
        self._new = new
        self._parser.StartElementHandler = None  # only the row's end is of interest now

    def _end_in_rows(self, name: str) -> None:
        if name == self._row_name:
            if self._new:
                self._insert(self.here(), [self._new])
            self._parser.StartElementHandler = self._start_in_rows
        elif name == self._data_name:
            self._insert(self.here(), self._cells.rows_before(SHEET_ROWS + 1))
            self.rows_end()

    def _insert(self, at: int, pieces: Iterable[bytes]) -> None:
        self._edits += [Edit(at, at, piece) for piece in pieces]


def _frame_edits(scan: _Extent, header_row: int, first: int, widths: Sequence[float]) -> list[Edit]:
    """Change what a worksheet says beside its rows: its size, its columns, its exceptions."""
    area = Area(header_row, first, scan.bottom, first + len(widths) - 1)
    edits = dimension_edits(scan, [area])
    edits += _column_edits(scan, first, widths)
    # Excel offers to turn texts that look like numbers into numbers: `0042` would lose its zeros.
    p = scan.prefix
    ignored = f'<{p}ignoredError sqref="{reference(area)}" numberStoredAsText="1"/>'.encode()
    element = scan.found.get("ignoredErrors")
    if element is None:
        at = scan.places["ignoredErrors"]
        new = f"<{p}ignoredErrors>".encode() + ignored + f"</{p}ignoredErrors>".encode()
        return [*edits, Edit(at, at, new)]
    if closes_itself(element.tag):
        new = opened(element.tag) + ignored + closing(element.tag)
        return [*edits, Edit(element.start, element.end, new)]
    # Before an `extLst`, which stands behind all `ignoredError`: so at the beginning.
    at = element.start + len(element.tag)
    return [*edits, Edit(at, at, ignored)]


def _column_edits(scan: SheetScan, first: int, widths: Sequence[float]) -> list[Edit]:
    """Set the added columns' widths; a `col` that covers some of them is cut (18.3.1.13)."""
    p = scan.prefix
    low, high = first + 1, first + len(widths)
    ours = "".join(
        f'<{p}col min="{column}" max="{column}" width="{width:g}" customWidth="1"/>'
        for column, width in enumerate(widths, low)
    ).encode()
    listed = scan.found.get("cols")
    if listed is None:
        at = scan.places["cols"]
        return [Edit(at, at, f"<{p}cols>".encode() + ours + f"</{p}cols>".encode())]
    if closes_itself(listed.tag):
        return [Edit(listed.start, listed.end, opened(listed.tag) + ours + closing(listed.tag))]
    edits: list[Edit] = []
    place = listed.end_tag
    left = right = b""
    for column in scan.columns:
        from_, to = whole(column.attributes.get("min")), whole(column.attributes.get("max"))
        if to < low:
            continue
        place = min(place, column.start)
        if from_ <= high:
            edits.append(Edit(column.start, column.end, b""))
            tag = column.tag if closes_itself(column.tag) else column.tag[:-1] + b"/>"
            if from_ < low:
                left += with_attribute(tag, "max", low - 1)
            if to > high:
                right += with_attribute(with_attribute(tag, "min", high + 1), "max", to)
    return [Edit(place, place, left + ours + right), *edits]
