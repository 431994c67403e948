"""Old Excel workbooks (.xls: BIFF8 of Excel 97 to 2003, and older), through xlrd.

xlrd gives each cell's value and format. Of a formula it gives the result that the file has, and
does not tell that there is one; so the records are looked at as xlrd reads them. That shows which
formulas change, and which were never calculated (programs that write .xls files without being able
to calculate leave 0 there); but the formula's text is not seen.

xlrd keeps the texts of the workbook and the cells of one sheet in memory: a sheet has at most
65,536 rows of 256 cells. A damaged file can still ask for all memory (sectors that go round in a
circle), so this belongs into a process with limits.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import xlrd
from xlrd import compdoc
from xlrd.biffh import FDT

from bulk_provision.intake.cells import (
    BOOLEAN,
    ENCODING_UNSURE,
    ERROR_VALUE,
    FORMULA_CHANGES,
    FORMULA_WITHOUT_VALUE,
    ROW_HIDDEN,
    Doubt,
    DoubtfulText,
    storable,
)
from bulk_provision.intake.readers.merged import Area, Merges
from bulk_provision.intake.readers.number_format import EXACT_DIGITS, NumberFormat, number_format
from bulk_provision.intake.readers.workbook import HiddenColumns, damage_told, protected
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

_FORMULA = 0x0006  # MS-XLS 2.4.127
_CALCULATE = 0x0003  # its fAlwaysCalc, and the bit that once meant "when the file is opened"
_VOLATILE = b"\x19\x01"  # MS-XLS 2.5.198.41, PtgAttrSemi: how a formula that changes begins
_FORMULA_HEAD = struct.Struct("<HH2x8sH4xH")  # row, column, result, flags, length of the formula
_BIFF5, _BIFF8 = 50, 80
_GENERAL = number_format("General")
_EAST_ASIAN_DATE = "yyyy"  # the formats without a code of their own (27 to 36, 50 to 58) are dates
_EXACT = 10.0**EXACT_DIGITS


class XlsBook:
    """An open workbook of the old kind.

    Args:
        source: an .xls file.

    Raises:
        SourceError: the file is damaged, protected, or no workbook.
    """

    def __init__(self, source: Source) -> None:
        self._name = source.shown
        self._bytes = mmap.mmap(source.file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            with self._damage_told():
                self._open()
        except BaseException:
            self._bytes.close()
            raise

    def _open(self) -> None:
        try:
            self._book: Any = xlrd.open_workbook(
                file_contents=self._bytes,
                logfile=_Nowhere(),
                formatting_info=True,
                on_demand=True,
                ragged_rows=True,
            )
        except xlrd.XLRDError as error:
            if "encrypted" in str(error):
                raise protected(self._name) from None
            raise
        self._formulas = _Formulas(self._book)
        self._loaded = -1
        self.date_1904: bool = self._book.datemode == 1
        self.encoding_unsure: bool = (
            self._book.biff_version < _BIFF8 and self._book.codepage is None
        )
        self.formats = _formats(self._book)
        # xlrd leaves out charts and macro sheets. It would read a whole sheet to tell whether it
        # is hidden, though it knows that from the list of sheets.
        states = self._book._sheet_visibility  # noqa: SLF001
        self.sheets: Sequence[Sheet] = tuple(
            XlsSheet(self, name, index, hidden=states[index] & 3 != 0)
            for index, name in enumerate(self._book.sheet_names())
        )

    def notes(
        self, sheet: Sheet, credentials: Sequence[int], others: Sequence[int]
    ) -> list[Problem]:
        """Tell of hidden columns that were read."""
        assert isinstance(sheet, XlsSheet)
        return sheet.hidden_columns.notes(sheet.name, [*credentials, *others])

    def close(self) -> None:
        """Let go of the cells; the source's file stays open."""
        self._book.release_resources()
        self._bytes.close()

    def records(self, sheet: XlsSheet) -> Iterator[Record]:
        """Yield a sheet's rows."""
        with self._damage_told():
            yield from sheet.rows(self._load(sheet.index), self._formulas)

    def _load(self, index: int) -> Any:  # noqa: ANN401 - xlrd has no types
        """Return xlrd's sheet; there is room for one at a time."""
        if self._loaded != index:
            if self._loaded >= 0:
                self._book.unload_sheet(self._loaded)
            self._loaded = -1
            self._formulas.forget()
            self._book.get_sheet(index)
            self._loaded = index
        return self._book.sheet_by_index(index)

    def _damage_told(self) -> AbstractContextManager[None]:
        # xlrd checks little: damage shows itself by whatever exception its code stumbles into.
        return damage_told(self._name, "Excel workbook", (Exception,))


class XlsSheet:
    """A worksheet of an .xls workbook."""

    ragged = False

    def __init__(self, book: XlsBook, name: str, index: int, *, hidden: bool) -> None:
        self.name = name
        self.hidden = hidden
        self.index = index
        self.hidden_columns = HiddenColumns()
        self._book = book

    def records(self) -> Iterator[Record]:
        """Read from the top."""
        return self._book.records(self)

    def rows(self, sheet: Any, formulas: _Formulas) -> Iterator[Record]:  # noqa: ANN401
        """Yield the rows that have cells with something in them.

        Args:
            sheet: xlrd's.
            formulas: those in it that are out of the ordinary.
        """
        self.hidden_columns = HiddenColumns()
        for column, look in sheet.colinfo_map.items():
            if look.hidden:
                self.hidden_columns.add(column, column + 1)
        merges = Merges(
            Area(top + 1, bottom, left, right - 1)
            for top, bottom, left, right in sheet.merged_cells
        )
        doubtful = formulas.doubts
        for index in range(sheet.nrows):
            cells = [self._shown(cell) for cell in sheet.row(index)]
            if not any(cells):
                continue
            for column in doubtful.get(index, ()):
                if column < len(cells):
                    cells[column] = _doubted(cells[column], doubtful[index][column])
            merges.apply(index + 1, cells)
            row = sheet.rowinfo_map.get(index)
            yield index + 1, cells, (ROW_HIDDEN,) if row is not None and row.hidden else ()

    def _shown(self, cell: Any) -> str:  # noqa: ANN401
        """Tell what a cell shows, by its type (MS-XLS 2.4.20, 2.4.127, 2.4.148, 2.4.180 …)."""
        kind, value = cell.ctype, cell.value
        if kind == xlrd.XL_CELL_TEXT:
            return self._shown_text(value, self._format(cell))
        if kind in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
            form = self._format(cell)
            if form is None and value.is_integer() and abs(value) < _EXACT:
                return str(int(value))
            return (form or _GENERAL).number(repr(value), date_1904=self._book.date_1904)
        if kind == xlrd.XL_CELL_BOOLEAN:
            return DoubtfulText("TRUE" if value else "FALSE", BOOLEAN)
        if kind == xlrd.XL_CELL_ERROR:
            return DoubtfulText(xlrd.error_text_from_code.get(value, "#ERROR"), ERROR_VALUE)
        return ""

    def _format(self, cell: Any) -> NumberFormat | None:  # noqa: ANN401
        formats = self._book.formats
        index = cell.xf_index
        return formats[index] if index is not None and 0 <= index < len(formats) else None

    def _shown_text(self, text: str, form: NumberFormat | None) -> str:
        if form is not None:
            text = form.text(text)
        if self._book.encoding_unsure and not text.isascii():
            return DoubtfulText(storable(text), ENCODING_UNSURE)
        return storable(text)


class _Formulas:
    """The formulas of a sheet whose results are not certain, gathered while xlrd reads it.

    Args:
        book: xlrd's; from here on it hands every record over to be looked at.
    """

    def __init__(self, book: Any) -> None:  # noqa: ANN401
        self.doubts: dict[int, dict[int, Doubt]] = {}  # row, column (from 0) → why
        if book.biff_version < _BIFF5:
            return  # formulas look different there, and those programs calculated
        read = book.get_record_parts

        def seen() -> tuple[int, int, bytes]:
            record: tuple[int, int, bytes] = read()
            if record[0] == _FORMULA:
                self._look_at(record[2])
            return record

        book.get_record_parts = seen

    def forget(self) -> None:
        """Make ready for another sheet."""
        self.doubts = {}

    def _look_at(self, record: bytes) -> None:
        row, column, result, flags, _ = _FORMULA_HEAD.unpack_from(record)
        if record[_FORMULA_HEAD.size :].startswith(_VOLATILE):
            self.doubts.setdefault(row, {})[column] = FORMULA_CHANGES
        elif flags & _CALCULATE and result == bytes(8):
            self.doubts.setdefault(row, {})[column] = FORMULA_WITHOUT_VALUE


def _doubted(shown: str, doubt: Doubt) -> str:
    """Add a formula's doubt to its result; a weightier one is there already, if there is one."""
    return shown if not shown or isinstance(shown, DoubtfulText) else DoubtfulText(shown, doubt)


def _formats(book: Any) -> list[NumberFormat | None]:  # noqa: ANN401
    """Return each cell style's number format; None where cells are shown as they are."""
    formats: list[NumberFormat | None] = []
    for style in book.xf_list:
        look = book.format_map.get(style.format_key)
        code = look.format_str if look is not None else ""
        if not code and look is not None and look.type == FDT:
            code = _EAST_ASIAN_DATE
        form = number_format(code or "General")
        formats.append(None if form.plain else form)
    return formats


class _Container(compdoc.CompDoc):  # type: ignore[misc]
    """xlrd's own, which would follow a chain of short sectors into itself until memory ends."""

    def _get_stream(
        self,
        mem: bytes,
        base: int,
        sat: Sequence[int],
        sec_size: int,
        start_sid: int,
        *rest: Any,  # noqa: ANN401
        **named: Any,  # noqa: ANN401
    ) -> bytes:
        sector, steps = start_sid, 0
        while 0 <= sector < len(sat):
            sector = sat[sector]
            steps += 1
            if steps > len(sat):
                raise compdoc.CompDocError("a chain of sectors has no end")
        stream: bytes = super()._get_stream(mem, base, sat, sec_size, start_sid, *rest, **named)
        return stream


compdoc.CompDoc = _Container


class _Nowhere(io.TextIOBase):
    """Takes what xlrd has to say of a file, which is meant for its authors."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)
