"""What every kind of file boils down to: sheets of numbered records of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeAlias

from bulk_provision.intake.cells import Doubt
from bulk_provision.model import Problem

Record: TypeAlias = tuple[int, list[str], tuple[Doubt, ...]]
"""A row's number as the user sees it, its cells from column A on, doubts about it as a whole."""

SHEET_ROWS = 1_048_576
"""The rows that a worksheet can hold (Excel and LibreOffice)."""

SHEET_COLUMNS = 16_384
"""The columns that a worksheet can hold."""

TEXT_ROWS = 10_000_000
"""The rows of a text file that are read; worksheets end sooner."""

SHEETS_LIMIT = 1000
"""The sheets of a file that are looked at: each is read from its top, to see whether it fits."""


class Sheet(Protocol):
    """One table of cells: a worksheet, or a text file as a whole."""

    @property
    def name(self) -> str:
        """The worksheet's name; "" for a text file."""

    @property
    def hidden(self) -> bool:
        """Whether the spreadsheet program keeps the sheet out of sight."""

    @property
    def ragged(self) -> bool:
        """Whether a line's number of cells means something (text files)."""

    def records(self) -> Iterator[Record]:
        """Read from the top, with rising numbers; rows without any cell may be left out.

        Raises:
            SourceError: the rest of the file cannot be read.
        """


class Book(Protocol):
    """An open file of sheets."""

    @property
    def sheets(self) -> Sequence[Sheet]:
        """In the order of their tabs."""

    def notes(
        self, sheet: Sheet, credentials: Sequence[int], others: Sequence[int]
    ) -> list[Problem]:
        """Tell what is worth a warning, now that a sheet and its columns are chosen.

        Args:
            sheet: one of `sheets`, of which some records were read.
            credentials: the columns of usernames and passwords, counted from 0.
            others: the columns that travel along.
        """

    def close(self) -> None:
        """Let go of what is open, apart from the source's own file."""


def column_letter(index: int) -> str:
    """Return the letters of a column: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_index(letters: str) -> int | None:
    """Return the column that upper- or lower-case letters name: A is 0; None if there is none."""
    if not (1 <= len(letters) <= 3 and letters.isascii() and letters.isalpha()):
        return None
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1 if index <= SHEET_COLUMNS else None
