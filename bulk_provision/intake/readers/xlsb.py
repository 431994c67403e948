"""Binary Excel workbooks (.xlsb), through pandas and python-calamine.

Number formats are not told, so a number is no credential here: whether 42 was shown as 0042 cannot
be seen. Failed formulas and merged cells are read beside (`xlsb_records`).
"""

from __future__ import annotations

import datetime as dt
import struct
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import cast

import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from bulk_provision.intake.cells import (
    BOOLEAN,
    DATE,
    ERROR_VALUE,
    FORMAT_UNSEEN,
    DoubtfulText,
    storable,
)
from bulk_provision.intake.readers.merged import Merges
from bulk_provision.intake.readers.number_format import number_format
from bulk_provision.intake.readers.workbook import BROKEN_ZIP, SAVE_AS, damage_told
from bulk_provision.intake.readers.xlsb_records import hints_of, parts_of
from bulk_provision.intake.readers.xml_parts import DamagedError
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

if sys.platform != "win32":
    import resource

_MEMORY = 4 << 30  # bytes of address space: pandas and numpy map a third of it for themselves
_BROKEN: tuple[type[Exception], ...] = (
    CalamineError,
    DamagedError,
    struct.error,
    SyntaxError,
    *BROKEN_ZIP,
)


class XlsbBook:
    """An open workbook.

    Args:
        source: an .xlsb file.

    Raises:
        SourceError: the file is damaged, protected, or no workbook.
    """

    def __init__(self, source: Source) -> None:
        _allow_memory()
        self._name = source.shown
        with self._damage_told():
            self._archive = zipfile.ZipFile(source.file)
            self._parts = parts_of(self._archive)
            self._file = pd.ExcelFile(source.file, engine="calamine")
            tabs = cast(CalamineWorkbook, self._file.book).sheets_metadata
        self.sheets: Sequence[Sheet] = tuple(
            XlsbSheet(self, tab.name, hidden=tab.visible != SheetVisibleEnum.Visible)
            for tab in tabs
            if tab.name in self._parts
        )

    def notes(
        self,
        sheet: Sheet,
        credentials: Sequence[int],  # noqa: ARG002 - it is true of every column
        others: Sequence[int],  # noqa: ARG002
    ) -> list[Problem]:
        """Tell what cannot be seen in this kind of file."""
        return [
            Problem(
                "xlsb-half-seen",
                sheet.name,
                "",
                "in this kind of file, number formats and hidden rows and columns cannot be seen",
                f"To be sure: {SAVE_AS[0].lower()}{SAVE_AS[1:]}",
                warning=True,
            )
        ]

    def close(self) -> None:
        """Let go of the workbook."""
        self._file.close()
        self._archive.close()

    def records(self, name: str) -> Iterator[Record]:
        """Yield a worksheet's rows."""
        with self._damage_told():
            with self._archive.open(self._parts[name]) as part:
                hints = hints_of(part)
            merges = Merges(hints.merged)
            frame = pd.read_excel(
                self._file, sheet_name=name, header=None, dtype=object, na_filter=False
            )
            for number, cells in enumerate(frame.itertuples(index=False, name=None), start=1):
                row = [_shown(cell) for cell in cells]
                for column, text in hints.errors.get(number, {}).items():
                    row[column] = DoubtfulText(text, ERROR_VALUE)
                while row and not row[-1]:
                    row.pop()
                if row:
                    merges.apply(number, row)
                    yield number, row, ()

    def _damage_told(self) -> AbstractContextManager[None]:
        return damage_told(self._name, "Excel workbook", _BROKEN)


class XlsbSheet:
    """A worksheet of an .xlsb workbook."""

    ragged = False

    def __init__(self, book: XlsbBook, name: str, *, hidden: bool) -> None:
        self.name = name
        self.hidden = hidden
        self._book = book

    def records(self) -> Iterator[Record]:
        """Read from the top."""
        return self._book.records(self.name)


def _allow_memory() -> None:
    """Ask for more than the reading process has: importing pandas alone maps a good deal."""
    if sys.platform != "win32":
        with suppress(ValueError, OSError):  # a lower limit holds already
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.RLIM_INFINITY))


def _shown(cell: object) -> str:
    if isinstance(cell, str):
        return storable(cell)
    if isinstance(cell, bool):
        return DoubtfulText(str(cell).upper(), BOOLEAN)
    if isinstance(cell, (int, float)):
        shown = number_format("General").number(str(cell))
        return shown if isinstance(shown, DoubtfulText) else DoubtfulText(shown, FORMAT_UNSEEN)
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return DoubtfulText(str(cell.date()), DATE)
    if isinstance(cell, (dt.date, dt.time, dt.timedelta)):
        return DoubtfulText(str(cell), DATE)
    return ""
