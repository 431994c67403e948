"""What a job keeps, and for how long: the files that it wrote, and the rows of its runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from bulk_provision.ledger.archive import counts_of
from bulk_provision.ledger.opening import READS
from bulk_provision.ledger.schema import attempts, files, rows, runs
from bulk_provision.model import ExitCode, Outcome

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

_DAY = 86_400.0


class OldFile(NamedTuple):
    """A file that a job wrote.

    Args:
        number: in the ledger.
        path: absolute.
        is_ours: whether it still is as it was written; else somebody has worked in it.
    """

    number: int
    path: Path
    is_ours: bool


def note_file(engine: Engine, job: str, kind: str, path: Path) -> None:
    """Write down that a job wrote a file, as it is now."""
    path = path.absolute()
    told = path.stat()
    with engine.begin() as connection:
        connection.execute(
            sa.insert(files).values(
                job=job,
                kind=kind,
                path=str(path),
                size=told.st_size,
                modified_ns=told.st_mtime_ns,
                written_at=time.time(),
            )
        )


def old_files(engine: Engine, job: str, kind: str, days: float) -> list[OldFile]:
    """Return the files of a kind that a job wrote so many days ago, or earlier.

    Those that are gone are forgotten.
    """
    found, gone = [], []
    old = sa.select(files).where(
        files.c.job == job, files.c.kind == kind, files.c.written_at < time.time() - days * _DAY
    )
    with engine.connect().execution_options(**READS) as connection:
        for row in connection.execute(old):
            path = Path(row.path)
            try:
                told = path.lstat()
            except FileNotFoundError:
                gone.append(row.id)
                continue
            as_written = (told.st_size, told.st_mtime_ns) == (row.size, row.modified_ns)
            # A log goes on after it is written down: what happens last is that old ones go.
            found.append(OldFile(row.id, path, kind == "log" or as_written))
    forget_files(engine, gone)
    return found


def forget_files(engine: Engine, numbers: list[int]) -> None:
    """Forget files that are removed, or that are somebody else's by now."""
    if numbers:
        with engine.begin() as connection:
            connection.execute(sa.delete(files).where(files.c.id.in_(numbers)))


def remove_rows(engine: Engine, job: str, days: float) -> int:
    """Remove the rows and attempts of a job's runs that ended so many days ago; count the runs.

    What became of them stays as counts. The run that the next one of its account is compared with
    (see `changes`) keeps its rows, however old it is; so do runs with rows in doubt.
    """
    newest = runs.alias("newest")
    is_last = runs.c.id == (
        sa.select(sa.func.max(newest.c.id))
        .where(
            newest.c.account_id == runs.c.account_id,
            newest.c.job == job,
            newest.c.selection == runs.c.selection,
            newest.c.kind == "provision",
            newest.c.staged_at.is_not(None),
            newest.c.exit_code.is_distinct_from(ExitCode.LIMIT_PASSED),
        )
        .scalar_subquery()
    )
    in_doubt = (
        sa.select(rows.c.seq)
        .where(rows.c.run_id == runs.c.id, rows.c.outcome == Outcome.IN_DOUBT)
        .exists()
    )
    old = sa.select(runs.c.id).where(
        runs.c.job == job,
        runs.c.ended_at < time.time() - days * _DAY,
        runs.c.counts.is_(None),
        ~sa.func.coalesce(is_last, sa.false()),
        ~in_doubt,
    )
    with engine.connect().execution_options(**READS) as connection:
        found = connection.scalars(old).all()
    for run_id in found:  # one transaction each: another program may wait for the ledger
        with engine.begin() as connection:
            _reduce_to_counts(connection, run_id)
    return len(found)


def _reduce_to_counts(connection: Connection, run_id: int) -> None:
    outcomes, calls, later = counts_of(connection, run_id)
    told = {
        "outcomes": {str(outcome): count for outcome, count in outcomes.items()},
        "calls": calls,
        **({"later": {str(outcome): count for outcome, count in later.items()}} if later else {}),
    }
    connection.execute(sa.update(runs).where(runs.c.id == run_id).values(counts=json.dumps(told)))
    connection.execute(sa.delete(rows).where(rows.c.run_id == run_id))
    connection.execute(sa.delete(attempts).where(attempts.c.run_id == run_id))
