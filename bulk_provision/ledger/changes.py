"""What is different in a source since the last run of its job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from bulk_provision.ledger.schema import endpoints, rows, runs
from bulk_provision.model import ExitCode, Outcome

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


class Change(NamedTuple):
    """A staged run beside the last one of its job.

    Args:
        rows: of the source.
        new: rows whose username neither the ledger knows, nor the last run had without coming to it
            (stopped, or left for a later wave): it was measured then.
        invalid: rows that are refused.
        last_run: the run that this one is compared with; None: there is none.
        before: usernames in that run's source.
        vanished: those of them that this source no longer has.
    """

    rows: int
    new: int
    invalid: int
    last_run: int | None = None
    before: int = 0
    vanished: int = 0


def change_since_last(connection: Connection, account_id: int, run_id: int) -> Change:
    """Compare a staged run with the last one before it.

    The last one is of the same account and job (without a job: of the same source), selected its
    rows by the same expression (a wave would look like a truncated source beside another one), its
    source was read to the end, and it was not stopped by a limit: what looked wrong once is no
    measure.
    """
    of_run = rows.c.run_id == run_id
    is_invalid = rows.c.outcome == Outcome.INVALID
    is_known = (
        sa.select(endpoints.c.username)
        .where(endpoints.c.account_id == account_id, endpoints.c.username == rows.c.username)
        .exists()
    )
    last_run: int | None = connection.scalar(_last_before(connection, account_id, run_id))
    earlier = rows.alias("earlier")
    left = sa.select(earlier.c.username).where(
        earlier.c.run_id == last_run, earlier.c.outcome == Outcome.UNPROCESSED
    )
    is_new = rows.c.outcome.is_(None) & ~is_known & rows.c.username.not_in(left)
    counted = sa.select(
        sa.func.count(),
        sa.func.count().filter(is_new),
        sa.func.count().filter(is_invalid),
    ).where(of_run)
    total, new, invalid = connection.execute(counted).one()
    if last_run is None:
        return Change(total, new, invalid)
    names = sa.select(rows.c.username).where(rows.c.username != "").distinct()
    # An invalid row of today still names its user: the person has not vanished.
    gone = names.where(
        rows.c.run_id == last_run, rows.c.username.not_in(names.where(of_run).scalar_subquery())
    )
    before = sa.select(sa.func.count()).select_from(
        names.where(rows.c.run_id == last_run).subquery()
    )
    return Change(
        total,
        new,
        invalid,
        last_run,
        connection.scalar(before) or 0,
        connection.scalar(sa.select(sa.func.count()).select_from(gone.subquery())) or 0,
    )


def _last_before(connection: Connection, account_id: int, run_id: int) -> sa.Select[Any]:
    job, source, selection = connection.execute(
        sa.select(runs.c.job, runs.c.source, runs.c.selection).where(runs.c.id == run_id)
    ).one()
    alike = (runs.c.job == job) if job else (runs.c.job == "") & (runs.c.source == source)
    return (
        sa.select(runs.c.id)
        .where(
            runs.c.account_id == account_id,
            runs.c.id < run_id,
            runs.c.kind == "provision",
            runs.c.staged_at.is_not(None),
            runs.c.exit_code.is_distinct_from(ExitCode.LIMIT_PASSED),
            sa.select(rows.c.seq).where(rows.c.run_id == runs.c.id).exists(),
            runs.c.selection == selection,
            alike,
        )
        .order_by(runs.c.id.desc())
        .limit(1)
    )
