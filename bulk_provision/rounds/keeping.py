"""What a job removes when its time is over: results and logs that it wrote, rows, passwords."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.job import LedgerPlace
    from bulk_provision.ledger import Ledger
    from bulk_provision.model import RoundSummary


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


def clean_up(
    place: LedgerPlace,
    round_: RoundSummary,
    keeping: Keeping,
    log_file: Path | None,
    note: Callable[..., None],
) -> None:
    """Write down what this round wrote, and remove what is older than it is to be kept.

    Only what this job wrote itself, and nobody has changed since, is removed. Nothing in here
    makes a round fail: what goes wrong is told, and tried again by the next one.

    Args:
        place: the ledger's.
        round_: what was done; without a job's name, nothing is written down or removed.
        keeping: for how long.
        log_file: of this round; None: there is none.
        note: is told each thing that is removed, and what could not be.
    """
    if not round_.job:
        return
    try:
        with place.open() as ledger:
            for path in (path for run in round_.runs for path in run.results):
                _note_file(ledger, round_.job, "results", Path(path))
            if log_file is not None:
                _note_file(ledger, round_.job, "log", log_file)
            _remove_files(ledger, round_.job, "results", keeping.results, note)
            _remove_files(ledger, round_.job, "log", keeping.logs, note)
            if keeping.passwords is not None:
                erased = ledger.forget(older_than=keeping.passwords, job=round_.job)
                if erased.credentials or erased.cells:
                    note("passwords_forgotten", endpoints=erased.credentials, rows=erased.cells)
            if keeping.rows is not None and (count := ledger.remove_rows(round_.job, keeping.rows)):
                note("rows_removed", runs=count)
    except ProvisionError as problem:
        note("clean_up_failed", why=problem.what, cure=problem.cure)


def _note_file(ledger: Ledger, job: str, kind: str, path: Path) -> None:
    if path.exists():  # somebody may have fetched it already
        ledger.note_file(job, kind, path)


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
