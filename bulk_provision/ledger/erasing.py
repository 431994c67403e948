"""`forget`: passwords leave the ledger for good once they are delivered.

What is in doubt keeps its password, whatever its age: without it nobody could find out whether
the endpoint is ours. SQLite overwrites what is deleted (secure_delete), VACUUM writes the file
anew, and the write-ahead log is emptied. Backups and the disk's own copies are out of reach.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from bulk_provision import failpoints
from bulk_provision.errors import LedgerWriteError
from bulk_provision.ledger.leases import refuse_while_held
from bulk_provision.ledger.schema import UNSETTLED, State, earlier_passwords, endpoints, rows, runs

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

_DAY = 86_400.0
_DELIVERED = [state for state in State if state not in (*UNSETTLED, State.PLANNED)]


class Forgotten(NamedTuple):
    """What was erased.

    Args:
        credentials: endpoints whose password was erased.
        cells: rows whose password of the source was erased.
        kept: endpoints in doubt, or still to be created, whose password had to stay.
    """

    credentials: int
    cells: int
    kept: int


def forget(
    engine: Engine, *, run_id: int | None, older_than: float | None, job: str | None = None
) -> Forgotten:
    """Erase passwords; it cannot be undone.

    Args:
        engine: the ledger's connections.
        run_id: erase those of this run's rows and of the endpoints that they name.
        older_than: erase those of runs that ended, and of endpoints that were last written, so
            many days ago.
        job: with `older_than`: only those of this job's runs.

    Raises:
        AccountBusyError: a run is going on; it needs its passwords.
    """
    of_runs: sa.ColumnElement[bool]
    touched: sa.ColumnElement[bool]
    if run_id is not None:
        of_runs = runs.c.id == run_id
        touched = sa.tuple_(endpoints.c.account_id, endpoints.c.username).in_(
            sa.select(runs.c.account_id, rows.c.username)
            .join(rows, rows.c.run_id == runs.c.id)
            .where(of_runs)
        )
    else:
        before = time.time() - (older_than or 0.0) * _DAY
        of_runs = sa.func.coalesce(runs.c.ended_at, runs.c.started_at) < before
        touched = endpoints.c.updated_at < before
        if job is not None:
            of_runs &= runs.c.job == job
            touched &= endpoints.c.run_id.in_(sa.select(runs.c.id).where(runs.c.job == job))
    has_password = touched & endpoints.c.sealed.is_not(None)
    delivered = endpoints.c.state.in_(_DELIVERED) & ~endpoints.c.doubted
    with engine.begin() as connection:
        refuse_while_held(connection, "Forgetting")
        connection.execute(
            sa.delete(earlier_passwords).where(
                sa.tuple_(earlier_passwords.c.account_id, earlier_passwords.c.username).in_(
                    sa.select(endpoints.c.account_id, endpoints.c.username).where(
                        touched, delivered
                    )
                )
            )
        )
        credentials = connection.execute(
            sa.update(endpoints).where(has_password, delivered).values(sealed=None)
        ).rowcount
        kept = connection.scalar(
            sa.select(sa.func.count()).select_from(endpoints).where(has_password)
        )
        cells = connection.execute(
            sa.update(rows)
            .where(
                rows.c.run_id.in_(sa.select(runs.c.id).where(of_runs)), rows.c.sealed.is_not(None)
            )
            .values(sealed=None)
        ).rowcount
    failpoints.reach("erased")
    if job is None or credentials or cells:  # a job asks every night, mostly for nothing
        wipe(engine)
    return Forgotten(credentials, cells, kept or 0)


def wipe(engine: Engine) -> None:
    """Write the database file anew, so that nothing of what was erased is left in it."""
    pooled = engine.raw_connection()  # VACUUM wants no transaction around it
    try:
        pooled.cursor().execute("VACUUM")
        pooled.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as problem:
        raise LedgerWriteError.of(problem) from problem
    finally:
        pooled.close()
