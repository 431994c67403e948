"""The end of a run: its results, and its summary."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision import failpoints
from bulk_provision import results as results_files
from bulk_provision.errors import ProvisionError
from bulk_provision.model import ExitCode, Summary
from bulk_provision.pace import Halt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.intake import Table, Users
    from bulk_provision.ledger import Ledger
    from bulk_provision.model import Rehearsal, ResultRow
    from bulk_provision.places import Results
    from bulk_provision.running import Run


async def finish(
    run: Run,
    users: Users | None,
    target: Path,
    results: Results,
    rehearsal: Rehearsal | None = None,
) -> Summary:
    """Write the results and sum up.

    Args:
        run: has ended.
        users: its source; None when it had none.
        target: where the results go.
        results: in which form.
        rehearsal: what it tells of the real run, when it is none itself.
    """
    run.watcher.writing()
    files: tuple[str, ...] = ()
    try:
        if await asyncio.to_thread(_has_something_to_tell, run, results):
            files = await asyncio.to_thread(
                write_results, run.ledger, run.run_id, target, results, rehearsal
            )
            table = users.spreadsheet if users is not None else None
            if results.annotate and table is not None:
                annotate = partial(_annotate, run, table, target, results, rehearsal)
                files += (await asyncio.to_thread(annotate),)
            await asyncio.to_thread(_note_files, run, files)
    except ProvisionError as problem:
        said = f"{run.halt.reason}. " if run.halt else ""
        code = run.halt.exit_code if run.halt else ExitCode.STOPPED
        cure = problem.cure if rehearsal is None else "Rehearse it again."
        run.halt = Halt(code, f"{said}{problem.what} {cure}".rstrip(". "))
    record = await asyncio.to_thread(run.ledger.run, run.run_id)
    return Summary(
        run_id=run.run_id,
        account=run.account.appid,
        source=record.source,
        rows=record.rows,
        outcomes=record.outcomes,
        calls=record.calls,
        seconds=time.time() - run.started_at,
        results=files,
        exit_code=run.exit_code(record.outcomes),
        reason=run.halt.reason if run.halt else "",
        warnings=run.staged.warnings,
        undoes=record.undoes,
        rehearsal=rehearsal,
        later=record.later,
    )


def _has_something_to_tell(run: Run, results: Results) -> bool:
    if not results.only_changed:
        return True
    return sum(run.ledger.unchanged(run.run_id).values()) < run.staged.rows


def _note_files(run: Run, files: tuple[str, ...]) -> None:
    """Write down what a job wrote, for the day when it cleans up."""
    if run.job:
        for file in files:
            run.ledger.note_file(run.job, "results", Path(file))


def _annotate(
    run: Run, table: Table, target: Path, results: Results, rehearsal: Rehearsal | None
) -> str:
    path = results_files.annotation_path(target, table.source)
    results_files.write_annotation(
        path,
        table,
        _marked(run.ledger.result_rows(run.run_id), rehearsal),
        run_id=run.run_id,
        overwrite=results.overwrite,
        protect=results.protect,
    )
    return str(path)


def _marked(rows: Iterator[ResultRow], rehearsal: Rehearsal | None) -> Iterator[ResultRow]:
    """Let every row of a rehearsal say that it is one, wherever it may be copied to."""
    if rehearsal is None:
        return rows
    return (row._replace(message=f"Rehearsal: {row.message}") for row in rows)


def write_results(
    ledger: Ledger,
    run_id: int,
    target: Path,
    results: Results,
    rehearsal: Rehearsal | None = None,
) -> tuple[str, ...]:
    """Write a run's results from what the ledger knows now; return the files written."""
    write = results_files.write_csv
    if not results.csv:
        write = partial(results_files.write_workbook, protect=results.protect)
    record = ledger.run(run_id)
    if rehearsal is not None:
        record = replace(record, rehearsal=rehearsal, rate=rehearsal.rate)
    if results.only_changed:
        record = replace(record, left_out=ledger.unchanged(run_id))

    def rows() -> Iterator[ResultRow]:
        for row in _marked(ledger.result_rows(run_id, changed=results.only_changed), rehearsal):
            failpoints.reach("results-writing")
            yield row

    files = write(target, record, rows, overwrite=results.overwrite)
    failpoints.reach("results-written")
    return tuple(str(path) for path in files)
