"""Sheets that are read for what they say, not for users: the first rows of one, as texts."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from bulk_provision.errors import SourceError
from bulk_provision.intake.apart.reading import ReadApart
from bulk_provision.intake.exports.export import TABLE
from bulk_provision.intake.readers.books import Wishes
from bulk_provision.intake.source import open_source

if TYPE_CHECKING:
    from bulk_provision.intake.records import Book

PLAN_TITLE = "bulk-provision: plan"
"""What a plan's first sheet begins with."""

_PLAN_SHEETS = ("Plan", "Rows", "Problems")


def page(path: str, sheet: str, rows: int) -> list[list[str]] | None:
    """Read the first rows of a sheet of a workbook, in a process of its own.

    Args:
        path: the workbook's.
        sheet: which of its sheets.
        rows: how many rows at most.

    Returns:
        The cells of each row, from column A on; None when there is no such sheet.

    Raises:
        SourceError: it is no file that can be read as a table.
    """
    source = open_source(path)
    with source.file:
        book = ReadApart(source, Wishes(system=TABLE))
        try:
            for one in book.sheets:
                if one.name == sheet:
                    return [cells for _, cells, _ in islice(one.records(), rows)]
        finally:
            book.close()
    return None


def refuse_plan(book: Book, shown: str) -> None:
    """Refuse a plan that is given in the place of its source.

    It names the same users, and has none of their passwords.

    Raises:
        SourceError: it is one.
    """
    if tuple(sheet.name for sheet in book.sheets)[: len(_PLAN_SHEETS)] != _PLAN_SHEETS:
        return
    first = next(book.sheets[0].records(), None)
    if first is not None and PLAN_TITLE in first[1]:
        raise SourceError(
            f"{shown}: this is a plan, which has no passwords; it cannot be the source.",
            f"Give the source that was planned, and this file as --plan {shown}",
        )
