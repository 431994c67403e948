"""What the ledger knows of a run, as a file that people can hand over: workbook or CSV.

Both are written aside, private (mode 0600) from the first byte, and put in place whole or not
at all. openpyxl is imported only when a workbook is really written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulk_provision.results.drift import drift_report
from bulk_provision.results.layout import SHEET_LIMIT
from bulk_provision.results.of_source import annotation_path, write_annotation, write_problems
from bulk_provision.results.place import (
    check_writable,
    is_results_name,
    make_folder,
    rehearsal_path,
    results_path,
)
from bulk_provision.results.plan_reading import read_plan
from bulk_provision.results.protected import check_protection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bulk_provision.ledger import PlannedRow
    from bulk_provision.model import ResultRow, RunRecord, Secret
    from bulk_provision.results.plan_words import Planned

__all__ = [
    "annotation_path",
    "check_protection",
    "check_writable",
    "drift_report",
    "is_results_name",
    "make_folder",
    "read_plan",
    "rehearsal_path",
    "results_path",
    "write_annotation",
    "write_csv",
    "write_plan",
    "write_problems",
    "write_workbook",
]


def write_workbook(
    path: Path,
    run: RunRecord,
    rows: Callable[[], Iterable[ResultRow]],
    *,
    overwrite: bool = False,
    sheet_limit: int = SHEET_LIMIT,
    protect: Secret | None = None,
) -> tuple[Path, ...]:
    """Write the sheets `Summary`, `Credentials`, `Skipped` and `Failed` into one workbook.

    Of an undo they are `Summary`, `Removed`, `Kept` and `Failed`.

    The rows are read once, so that the sheets agree with each other even while the run goes on.
    Memory does not grow with their number, unless the workbook is protected.

    Args:
        path: where the workbook shall lie.
        run: what the Summary tells.
        rows: gives a fresh iterator over the run's rows, in the source's order.
        overwrite: replace a file that lies there already.
        sheet_limit: rows that one sheet holds, its header included; what is beyond goes on in
            `Credentials 2`, and so on.
        protect: a password without which the workbook does not open. No plain byte of it touches
            the disk then; it is put together in memory.

    Returns:
        The paths written.

    Raises:
        ResultsError: the workbook could not be written; nothing of it was left behind.
    """
    from bulk_provision.results import workbook  # noqa: PLC0415 - openpyxl takes 0.4 s to import

    return workbook.write(
        path, run, rows, overwrite=overwrite, sheet_limit=sheet_limit, protect=protect
    )


def write_plan(
    path: Path,
    planned: Planned,
    rows: Callable[[], Iterable[PlannedRow]],
    *,
    overwrite: bool = False,
    sheet_limit: int = SHEET_LIMIT,
) -> None:
    """Write a plan for people to approve: the sheets `Plan`, `Rows` and `Problems`.

    Args:
        path: where the workbook shall lie.
        planned: what the sheet `Plan` tells, and the problems that several rows have.
        rows: gives an iterator over the rows, in the source's order.
        overwrite: replace a file that lies there already.
        sheet_limit: rows that one sheet holds; what is beyond goes on in `Rows 2`, and so on.

    Raises:
        ResultsError: it cannot be written; nothing of it was left behind.
    """
    from bulk_provision.results import plan_workbook  # noqa: PLC0415 - openpyxl takes 0.4 s

    plan_workbook.write(path, planned, rows, overwrite=overwrite, sheet_limit=sheet_limit)


def write_csv(
    path: Path,
    run: RunRecord,
    rows: Callable[[], Iterable[ResultRow]],
    *,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write `-created.csv`, `-skipped.csv`, `-failed.csv` and `-unprocessed.csv`.

    Of an undo they are `-removed.csv`, `-kept.csv`, `-failed.csv` and `-unprocessed.csv`.

    All four are written, with their header at least, so that a script finds what it looks for.
    `csv_files` describes the format.

    Args:
        path: the would-be workbook's path, or the stem that the four names begin with.
        run: tells the names of the source's own columns.
        rows: gives a fresh iterator over the run's rows, in the source's order.
        overwrite: replace files that lie there already.

    Returns:
        The four paths written.

    Raises:
        ResultsError: the files could not be written; none of them was left behind.
    """
    from bulk_provision.results import csv_files  # noqa: PLC0415 - the twin of the import above

    return csv_files.write(path, run, rows, overwrite=overwrite)
