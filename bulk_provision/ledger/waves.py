"""Waves: a run is told how many rows to do, and leaves the others for a later one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bulk_provision.ledger.schema import UNSETTLED, State, endpoints, rows, runs
from bulk_provision.model import LATER_WAVE, Outcome

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_OURS = {State.CREATED: Outcome.UNCHANGED, State.RESET: Outcome.EXISTS}
_TIP = "Run the same command again for the next wave."


def leave_for_later(
    connection: Connection, account_id: int, run_id: int, size: int
) -> dict[Outcome, int]:
    """Give the open rows that are beyond a run's wave their outcome; return how many have which.

    The wave: first every row in doubt, even if they are more than its size; then, in the source's
    order, those that never failed; then those that did. Were these taken in their turn, as many as
    the size would be taken by every wave, and nobody else would ever be.

    Args:
        connection: in a transaction that writes.
        account_id: the account in the ledger.
        run_id: whose rows; the ledger's list has settled what it can.
        size: how many rows are done.
    """
    one = rows.alias("one")
    of_account = (endpoints.c.account_id == account_id) & (endpoints.c.username == one.c.username)
    open_ones = (one.c.run_id == run_id) & one.c.outcome.is_(None)
    in_doubt = sa.func.coalesce(endpoints.c.state.in_(UNSETTLED), sa.false())
    has_failed = (endpoints.c.state == State.FAILED) | one.c.username.in_(
        _failed_last(account_id, run_id)
    )
    doubts = connection.scalar(
        sa.select(sa.func.count())
        .select_from(one.join(endpoints, of_account))
        .where(open_ones, in_doubt)
    )
    wave = (
        sa.select(one.c.seq)
        .select_from(one.outerjoin(endpoints, of_account))
        .where(open_ones)
        .order_by(sa.case((in_doubt, 0), (has_failed, 2), else_=1), one.c.seq)
        .limit(max(size, doubts or 0))
    )
    beyond = sa.update(rows).where(
        rows.c.run_id == run_id, rows.c.outcome.is_(None), rows.c.seq.not_in(wave)
    )
    return _leave(connection, beyond, account_id, size)


def _failed_last(account_id: int, run_id: int) -> sa.Select[tuple[str]]:
    """Select who failed in the run before: an endpoint that exists keeps no trace of a failure."""
    last = sa.select(sa.func.max(runs.c.id)).where(
        runs.c.account_id == account_id, runs.c.id < run_id, runs.c.kind == "provision"
    )
    return sa.select(rows.c.username).where(
        rows.c.run_id == last.scalar_subquery(), rows.c.outcome == Outcome.FAILED
    )


def _leave(
    connection: Connection, beyond: sa.Update, account_id: int, size: int
) -> dict[Outcome, int]:
    """Write the outcomes: whose endpoint is ours keeps working credentials meanwhile."""
    left: dict[Outcome, int] = {}
    later = f"left for a later wave (--limit {size})"
    for state, outcome in _OURS.items():
        is_ours = (
            sa.select(endpoints.c.username)
            .where(
                endpoints.c.account_id == account_id,
                endpoints.c.username == rows.c.username,
                endpoints.c.state == state,
            )
            .exists()
        )
        told = f"Ours from an earlier run; what is to be changed is {later}."
        changed = beyond.where(is_ours).values(
            outcome=outcome, code=LATER_WAVE, message=told, tip=_TIP
        )
        left[outcome] = connection.execute(changed).rowcount
    told = f"{later[0].upper()}{later[1:]}."
    others = beyond.values(outcome=Outcome.UNPROCESSED, code=LATER_WAVE, message=told, tip=_TIP)
    left[Outcome.UNPROCESSED] = connection.execute(others).rowcount
    return {outcome: count for outcome, count in left.items() if count}


def later_counts(connection: Connection, run_id: int) -> dict[Outcome, int]:
    """Count a run's rows that were left for a later wave, by outcome."""
    counted = connection.execute(
        sa.select(rows.c.outcome, sa.func.count())
        .where(rows.c.run_id == run_id, rows.c.code == LATER_WAVE)
        .group_by(rows.c.outcome)
    )
    return {Outcome(outcome): count for outcome, count in counted}
