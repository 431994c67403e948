"""What a job removes when its time is over: results and logs that it wrote, rows, passwords."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulk_provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulk_provision.job import LedgerPlace
    from bulk_provision.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how many days a job keeps what it made; None: for ever.

    Args:
        results: the results files.
        logs: the log files.
        rows: the rows of its runs in the ledger.
        passwords: in the ledger; what is in doubt keeps its own, whatever its age.
    """

    results: float | None = None
    logs: float | None = None
    rows: float | None = None
    passwords: float | None = None


def note_log(place: LedgerPlace, job: str, log_file: Path | None) -> None:
    """Write down, at the beginning of a round, which log it writes: it may be killed.

    A ledger that cannot be opened is told by the round itself.
    """
    if job and log_file is not None:
        with suppress(ProvisionError), place.open() as ledger:
            ledger.note_file(job, "log", log_file)


def clean_up(place: LedgerPlace, job: str, keeping: Keeping, note: Callable[..., None]) -> None:
    """Remove what a job wrote and what is older than it is to be kept, at the end of a round.

    Only what this job wrote itself, and nobody has changed since, is removed. Nothing in here
    makes a round fail: what goes wrong is told, and tried again by the next one.

    Args:
        place: the ledger's.
        job: the job's name; without one, nothing is removed.
        keeping: for how long.
        note: is told each thing that is removed, and what could not be.
    """
    if not job or keeping == Keeping():
        return
    try:
        with place.open() as ledger:
            _remove_files(ledger, job, "results", keeping.results, note)
            _remove_files(ledger, job, "log", keeping.logs, note)
            if keeping.passwords is not None:
                erased = ledger.forget(older_than=keeping.passwords, job=job)
                if erased.credentials or erased.cells:
                    note("passwords_forgotten", endpoints=erased.credentials, rows=erased.cells)
            if keeping.rows is not None and (count := ledger.remove_rows(job, keeping.rows)):
                note("rows_removed", runs=count)
    except ProvisionError as problem:
        note("clean_up_failed", why=problem.what, cure=problem.cure)


def _remove_files(
    ledger: Ledger, job: str, kind: str, days: float | None, note: Callable[..., None]
) -> None:
    if days is None:
        return
    settled = []
    for file in ledger.old_files(job, kind, days):
        if not file.is_ours:
            note("left_alone", file=str(file.path), why="it was changed since this job wrote it")
            settled.append(file.number)
            continue
        try:
            file.path.unlink(missing_ok=True)
        except OSError as problem:
            note("not_removed", file=str(file.path), why=problem.strerror)
            continue
        note("removed", file=str(file.path), kind=kind)
        settled.append(file.number)
    ledger.forget_files(settled)
