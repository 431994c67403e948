"""The other workbooks (.xls, .xlsb, .ods), through pandas and python-calamine.

They are read whole, and without number formats: whether 42 was shown as 0042 cannot be seen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import BOOLEAN, DATE, DoubtfulText, storable
from bulk_provision.intake.number_format import shown_number
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

if TYPE_CHECKING:
    import pandas as pd
    from python_calamine import CalamineWorkbook

_SAVE_AS = "Open it in Excel or LibreOffice and save it as an Excel workbook (.xlsx)."


class LegacyBook:
    """An open workbook of another kind than .xlsx.

    Args:
        source: an .xls, .xlsb or .ods file.

    Raises:
        SourceError: the file is damaged, protected, or no workbook.
    """

    def __init__(self, source: Source) -> None:
        import pandas as pd  # noqa: PLC0415 - a second to import, and few files need it
        from python_calamine import SheetVisibleEnum  # noqa: PLC0415

        with _damage_told(source.name):
            self._file = pd.ExcelFile(source.file, engine="calamine")
        hidden = {
            sheet.name
            for sheet in cast("CalamineWorkbook", self._file.book).sheets_metadata
            if sheet.visible != SheetVisibleEnum.Visible
        }
        self.sheets: Sequence[Sheet] = tuple(
            LegacySheet(self._file, str(name), source.name, hidden=name in hidden)
            for name in self._file.sheet_names
        )

    def notes(
        self,
        sheet: Sheet,
        credentials: Sequence[int],
        others: Sequence[int],  # noqa: ARG002 - there, a lost zero harms nobody's login
    ) -> list[Problem]:
        """Tell when there are numbers whose formats cannot be seen."""
        assert isinstance(sheet, LegacySheet)
        if not sheet.has_numbers(credentials):
            return []
        return [
            Problem(
                "number-format-unseen",
                sheet.name,
                "",
                "usernames or passwords are stored as numbers, and in this kind of file their "
                "format cannot be seen: a number shown as 0042 was read as 42",
                f"If that matters: {_SAVE_AS}",
                warning=True,
            )
        ]

    def close(self) -> None:
        """Let go of the workbook; the source's file stays open."""
        self._file.close()


class LegacySheet:
    """A worksheet, read whole when it is first looked at."""

    ragged = False

    def __init__(self, file: pd.ExcelFile, name: str, source: str, *, hidden: bool) -> None:
        self.name = name
        self.hidden = hidden
        self._file = file
        self._source = source
        self._values: list[list[Any]] | None = None

    def records(self) -> Iterator[Record]:
        """Read from the top."""
        for number, values in enumerate(self._read(), start=1):
            yield number, [_shown(value) for value in values], ()

    def has_numbers(self, columns: Sequence[int]) -> bool:
        """Say whether any cell of these columns is a number."""
        return any(
            type(values[column]) in (int, float)
            for values in self._read()
            for column in columns
            if column < len(values)
        )

    def _read(self) -> list[list[Any]]:
        if self._values is None:
            with _damage_told(self._source):
                import pandas as pd  # noqa: PLC0415 - see LegacyBook

                frame = pd.read_excel(
                    self._file, sheet_name=self.name, header=None, dtype=object, na_filter=False
                )
            self._values = frame.to_numpy().tolist()
        return self._values


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    from python_calamine import CalamineError, PasswordError  # noqa: PLC0415 - with pandas, above

    try:
        yield
    except PasswordError:
        raise SourceError(
            f"{name}: the workbook is protected with a password.",
            "Open it, take the password off, and save it.",
        ) from None
    except (CalamineError, ValueError, OSError) as error:
        raise SourceError(
            f"{name}: the workbook is damaged, or none at all ({error}).", _SAVE_AS
        ) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how a failed assertion in Rust arrives
            raise
        raise SourceError(f"{name}: the workbook is damaged.", _SAVE_AS) from None


def _shown(value: object) -> str:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, bool):
        return DoubtfulText(str(value).upper(), BOOLEAN)
    if isinstance(value, (int, float)):
        return "" if value != value else shown_number(Decimal(str(value)))  # noqa: PLR0124 - NaN
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        value = value.date()
    return DoubtfulText(str(value), DATE)
