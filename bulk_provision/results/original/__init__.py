"""The user's own workbook once more, with something added, and everything else as it was.

openpyxl, which writes the results, loses much of a workbook that it loads and saves: charts,
pictures, the results of formulas. So a copy is made here of the bytes: every part of the zip file
stays what it is, and in the few that change, new XML is put in at places that a parser has found.
Nothing is written but the target, and memory does not grow with the number of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulk_provision.model import Outcome

__all__ = ["Added", "AddedRow", "Mark", "plain_workbook", "write_annotated", "write_marked"]


class Mark(NamedTuple):
    """One cell that is wrong.

    Args:
        row: as the user sees it.
        column: from 0.
        text: what is wrong; the cell's comment.
        warning: it is only doubtful: amber instead of red.
    """

    row: int
    column: int
    text: str
    warning: bool = False


class AddedRow(NamedTuple):
    """What is added to one row.

    Args:
        number: the row's, as the user sees it.
        texts: one for each header; "" for no cell.
        outcome: the first text is in its colour, if given.
    """

    number: int
    texts: Sequence[str]
    outcome: Outcome | None = None


class Added(NamedTuple):
    """Columns to add.

    Args:
        header_row: where the headers go.
        headers: one for each column.
        rows: with rising numbers, all of them below the header; read once.
    """

    header_row: int
    headers: tuple[str, ...]
    rows: Iterable[AddedRow]


def write_marked(source: BinaryIO, target: BinaryIO, sheet: str, marks: Sequence[Mark]) -> None:
    """Write a copy of a workbook in which cells are coloured and have comments.

    A cell keeps its own look but for the colour behind it. Marks of the same cell become one. A
    comment that is there already is continued; a cell with a conversation ("threaded comment")
    is coloured alone.

    Args:
        source: an .xlsx or .xlsm file; seekable.
        target: takes the copy; writable and seekable, and nothing in it yet.
        sheet: the worksheet's name.
        marks: in any order; they are held in memory.

    Raises:
        ResultsError: the workbook cannot be handled; what the target holds then is worthless.
        OSError: the target cannot be written.
    """
    from bulk_provision.results.original import marked  # noqa: PLC0415 - openpyxl takes 0.4 s

    marked.write(source, target, sheet, marks)


def write_annotated(source: BinaryIO, target: BinaryIO, sheet: str, added: Added) -> None:
    """Write a copy of a workbook with columns added at the right of a sheet's cells.

    Added cells hold text: no formula, no number. They begin in the first column to the right of
    every cell of the sheet, also of those that have nothing but a format.

    Args:
        source: an .xlsx or .xlsm file; seekable.
        target: takes the copy; writable and seekable, and nothing in it yet.
        sheet: the worksheet's name.
        added: the columns.

    Raises:
        ResultsError: the workbook cannot be handled, or has no room for the columns; what the
            target holds then is worthless.
        OSError: the target cannot be written.
    """
    from bulk_provision.results.original import annotated  # noqa: PLC0415 - the twin of the above

    annotated.write(source, target, sheet, added)


def plain_workbook(
    target: BinaryIO, sheets: Iterable[tuple[str, Iterable[tuple[int, Sequence[str]]]]]
) -> None:
    """Write a workbook of texts: what the others start from when the source is none.

    Args:
        target: takes the workbook; writable and seekable, and nothing in it yet.
        sheets: names, as Excel allows them, and rows: rising numbers, which leave gaps as they
            are, and texts from column A on. The rows of one sheet are read before the next sheet.

    Raises:
        ResultsError: a row or a column lies beyond what a worksheet holds.
        OSError: the target cannot be written.
    """
    from bulk_provision.results.original import plain  # noqa: PLC0415 - for symmetry's sake

    plain.write(target, sheets)
