"""What all kinds of workbook have in common: how damage and hidden columns are told."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bulk_provision.errors import SourceError
from bulk_provision.intake.records import SHEET_COLUMNS, column_letter
from bulk_provision.model import Problem

BROKEN_ZIP: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What `zipfile` raises over damaged or hostile archives."""

SAVE_AS = (
    "Open it in Excel or LibreOffice, save it as an Excel workbook (.xlsx), and give that one."
)

DISGUISED = Problem(
    "xls-is-none",
    "",
    "",
    "the file has the name of an Excel workbook (.xls), but is text or a web page; what stands "
    "there was read, while Excel may show some of it otherwise (0042 as 42)",
    "If that is what was meant, there is nothing to do; else open it in Excel, and save it there "
    "as an Excel workbook (.xlsx).",
    warning=True,
)
"""What is worth a note when a web page or a text file is called .xls."""


_FEW_SHEETS = 20


def check_passes(source: str, sheets: int, size: int, limit: int) -> None:
    """Refuse what would take too long to look through: each sheet is read from the file's top.

    Args:
        source: the file's name, for the message.
        sheets: how many there are; a few are read however large they are.
        size: bytes of all of them.
        limit: of bytes to be read for all sheets together.

    Raises:
        SourceError: there are too many for their size.
    """
    if sheets > _FEW_SHEETS and sheets * size > limit:
        raise SourceError(
            f"{source}: it has {sheets:,} sheets or tables in {size >> 10:,} KiB; so many are only "
            "looked through where they are small.",
            "Copy the table alone into a new workbook, and give that one.",
        )


class HiddenColumns:
    """The columns of a sheet that are kept out of sight, as far as it was read."""

    def __init__(self) -> None:
        self._hidden = bytearray(SHEET_COLUMNS)  # a file may tell of each a million times

    def add(self, first: int, end: int) -> None:
        """Learn of hidden columns, counted from 0, the last one excluded."""
        first, end = max(0, first), min(end, SHEET_COLUMNS)
        if first < end:
            self._hidden[first:end] = b"\1" * (end - first)

    def notes(self, sheet: str, columns: Iterable[int]) -> list[Problem]:
        """Tell which columns were read although they are hidden.

        Args:
            sheet: its name.
            columns: those that were read, counted from 0.
        """
        hidden = [column_letter(column) for column in sorted(set(columns)) if self._hidden[column]]
        if not hidden:
            return []
        return [
            Problem(
                "column-hidden",
                sheet,
                ", ".join(hidden),
                f"columns are hidden in the sheet and were read all the same: {', '.join(hidden)}",
                "Show them in the spreadsheet program and check what they hold.",
                warning=True,
            )
        ]


@contextmanager
def damage_told(source: str, kind: str, signs: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn what a reader stumbles over into an error for the person who gave the file.

    Args:
        source: the file's name, for the message.
        kind: what the file should be, such as "Excel workbook".
        signs: the exceptions that damage shows itself by.

    Raises:
        SourceError: one of the signs was seen.
    """
    try:
        yield
    except SourceError:
        raise
    except signs as error:
        said = str(error) or type(error).__name__
        raise SourceError(
            f"{source}: the file is damaged, or no {kind} at all ({said[:200]}).", SAVE_AS
        ) from None


def protected(source: str) -> SourceError:
    """Tell that a workbook wants a password, which nobody gave."""
    return SourceError(
        f"{source}: the workbook is protected with a password.",
        "Open it in the spreadsheet program, take the password off, and save it.",
    )
