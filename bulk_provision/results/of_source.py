"""The source handed back: with what is wrong in it, or with what became of its rows.

A workbook (.xlsx, .xlsm) comes back as it was, with that added. Of any other kind of file the table
comes back as a workbook of texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from bulk_provision.characters import sentence
from bulk_provision.errors import ResultsError
from bulk_provision.intake.columns import ANNOTATED_COLUMNS
from bulk_provision.results.original import (
    Added,
    AddedRow,
    Mark,
    plain_workbook,
    write_annotated,
    write_marked,
)
from bulk_provision.results.place import export_again, placed
from bulk_provision.results.protected import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from bulk_provision.intake import Table
    from bulk_provision.model import Problem, ResultRow, Secret
    from bulk_provision.results.protected import Spool

_SHEET_NAME = "Users"  # of what had no sheets


def annotation_path(results: Path, source: str) -> Path:
    """Return where the annotated source lies: beside the results.

    Args:
        results: the results' path.
        source: the input file's path; a workbook with macros keeps its ending.
    """
    return results.with_name(f"{results.stem}-annotated{_suffix(source)}")


def _suffix(source: str) -> str:
    return ".xlsm" if source.lower().endswith(".xlsm") else ".xlsx"


def write_problems(
    path: Path,
    table: Table,
    found: Iterable[tuple[int, Problem]],
    *,
    overwrite: bool,
    protect: Secret | None = None,
) -> None:
    """Write the source with its bad cells coloured, and a comment in each that says why.

    Args:
        path: where to.
        table: the source, still open.
        found: the problems, each with its row's number.
        overwrite: replace a file that lies there already.
        protect: the password to open it with.

    Raises:
        ResultsError: it cannot be written, or the workbook cannot be handled.
        SourceError: the source cannot be read any more.
    """
    sheet, _, _ = table.spot(table.header_row, "")
    marks = [mark for number, problem in found if (mark := _mark(table, sheet, number, problem))]

    def build(source: BinaryIO, target: BinaryIO, name: str) -> None:
        write_marked(source, target, name, marks)

    _write(path, table, build, overwrite=overwrite, protect=protect, cure="Choose another place.")


def write_annotation(
    path: Path,
    table: Table,
    rows: Iterable[ResultRow],
    *,
    run_id: int,
    overwrite: bool,
    protect: Secret | None = None,
) -> None:
    """Write the source with what became of each row, in columns added at its right.

    Args:
        path: where to.
        table: the source, still open.
        rows: of the results, in the source's order.
        run_id: whose results they are.
        overwrite: replace a file that lies there already.
        protect: the password to open it with.

    Raises:
        ResultsError: it cannot be written, or the workbook cannot be handled.
        SourceError: the source cannot be read any more.
    """
    sheet, _, _ = table.spot(table.header_row, "")

    def added() -> Iterator[AddedRow]:
        for row in rows:
            name, number, _ = table.spot(row.number, "")
            if name == sheet:  # failures of a results workbook may go on in next sheets
                texts = (row.outcome, row.username, row.password, row.connect_url, _told(row))
                yield AddedRow(number, texts, row.outcome)

    def build(source: BinaryIO, target: BinaryIO, name: str) -> None:
        write_annotated(source, target, name, Added(table.header_row, ANNOTATED_COLUMNS, added()))

    cure = export_again(run_id)
    _write(path, table, build, overwrite=overwrite, protect=protect, cure=cure)


def _told(row: ResultRow) -> str:
    return f"{row.message} {row.tip}".strip()


def _mark(table: Table, sheet: str, number: int, problem: Problem) -> Mark | None:
    name, row, column = table.spot(number, problem.field or "username")
    if name != sheet or column is None:
        return None
    seen = f" ({problem.seen})" if problem.seen else ""
    text = f"{sentence(problem.why + seen)}\n{problem.cure}"
    return Mark(row, column, text, problem.warning)


def _write(
    path: Path,
    table: Table,
    build: Callable[[BinaryIO, BinaryIO, str], None],
    *,
    overwrite: bool,
    protect: Secret | None,
    cure: str,
) -> None:
    """Put a copy of the source in place; it is made of the source itself, or of its texts."""

    def write(target: BinaryIO, spool: Spool) -> None:
        sheet, _, _ = table.spot(table.header_row, "")
        with table.workbook() as workbook:
            if workbook is not None:
                _check_suffix(path, table.source)
                build(workbook, target, sheet)
                return
        with spool() as plain:
            name = _sheet_name(sheet)
            plain_workbook(plain, [(name, table.texts())])
            build(plain, target, name)

    with placed([path], overwrite=overwrite, cure=cure) as (file,):
        # What was protected stays so.
        fill(file, write, folder=path.parent, protect=protect or table.protection)


def _check_suffix(path: Path, source: str) -> None:
    wanted = _suffix(source)
    if path.suffix.lower() != wanted:
        raise ResultsError(
            f"{path}: a copy of {source} must end in {wanted}, or Excel does not open it.",
            "Choose another name.",
        )


def _sheet_name(sheet: str) -> str:
    """Return a name that Excel takes; LibreOffice allows others."""
    plain = "".join("_" if one in r"[]:*?/\'" else one for one in sheet).strip()
    return plain[:31] or _SHEET_NAME
