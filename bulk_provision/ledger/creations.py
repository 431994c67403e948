"""What a run created, and what proves that it was this run and nobody else: for `undo`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from bulk_provision.ledger.opening import READS
from bulk_provision.ledger.schema import UNSETTLED, State, attempts, endpoints, rows, runs
from bulk_provision.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

_PAGE = 1000


class Creation(NamedTuple):
    """A row of a run that says `created`, or whose request to create is still in doubt.

    Args:
        seq: the row in its run.
        number: the row's number in the source.
        username: whose.
        others: the source's own columns.
        is_in_doubt: whether the row itself is still in doubt.
        state: of the endpoint, as the ledger knows it now.
        is_forgotten: whether the ledger has no password of it any more.
        purpose: of the last request for it: "create", "reset", "change" or "remove".
        is_answered: whether the vendor acknowledged this run's own add_sip.
        may_be_of_source: whether its password stood in a source's cell, or may have: somebody else
            who has that source could have created the same endpoint.
        made_anew_by: a later run that created it (or may have), when it was gone meanwhile.
    """

    seq: int
    number: int
    username: str
    others: tuple[str, ...]
    is_in_doubt: bool
    state: State
    is_forgotten: bool
    purpose: str
    is_answered: bool
    may_be_of_source: bool
    made_anew_by: int | None


def creations(engine: Engine, account_id: int, run_id: int) -> Iterator[list[Creation]]:
    """Yield, in pages and in the source's order, what a run created.

    Args:
        engine: the ledger's connections.
        account_id: of the run.
        run_id: the run.
    """
    later = _made_later(account_id, run_id).subquery()
    writer = runs.alias("writer")
    asked = (
        (rows.c.outcome == Outcome.IN_DOUBT)
        & endpoints.c.state.in_(UNSETTLED)
        & (endpoints.c.purpose == "create")
    )
    found = (
        sa.select(
            rows.c.seq,
            rows.c.number,
            rows.c.username,
            rows.c.cells,
            rows.c.outcome == Outcome.IN_DOUBT,
            endpoints.c.state,
            endpoints.c.sealed.is_(None),
            endpoints.c.purpose,
            rows.c.username.in_(_answered(run_id)),
            rows.c.username.in_(_maybe_of_source(account_id, run_id))
            | _has_lost_rows(account_id, runs.c.id < run_id),
            # Where a later run's rows are gone, whoever wrote last about it may have created it.
            sa.func.coalesce(
                later.c.run_id,
                sa.case((_has_lost_rows(account_id, runs.c.id > run_id), writer.c.id)),
            ),
        )
        .join(
            endpoints,
            (endpoints.c.account_id == account_id) & (endpoints.c.username == rows.c.username),
        )
        .join(later, later.c.username == rows.c.username, isouter=True)
        .join(
            writer,
            (writer.c.id == endpoints.c.run_id)
            & (writer.c.id > run_id)
            & (writer.c.kind == "provision"),
            isouter=True,
        )
        .where(rows.c.run_id == run_id, (rows.c.outcome == Outcome.CREATED) | asked)
        .order_by(rows.c.seq)
    )
    with engine.connect().execution_options(**READS) as connection:
        for page in connection.execute(found).partitions(_PAGE):
            yield [
                Creation(
                    seq, number, username, tuple(json.loads(cells)), in_doubt, State(state), *rest
                )
                for seq, number, username, cells, in_doubt, state, *rest in page
            ]


def _answered(run_id: int) -> sa.Select[tuple[str]]:
    """Select the usernames whose add_sip by this run was answered with 200."""
    return sa.select(attempts.c.username).where(
        attempts.c.run_id == run_id, attempts.c.call == "add_sip", attempts.c.verdict == "done"
    )


def _maybe_of_source(account_id: int, run_id: int) -> sa.Select[tuple[str]]:
    """Select the usernames that had a password in some cell, up to this run.

    Earlier runs count: a blank cell takes over the password that an earlier source had. So do
    forgotten ones: of what was erased nobody knows whether it was there.
    """
    return (
        sa.select(rows.c.username)
        .join(runs, runs.c.id == rows.c.run_id)
        .where(
            runs.c.account_id == account_id,
            runs.c.id <= run_id,
            rows.c.sealed.is_not(None) | runs.c.erased_at.is_not(None),
        )
    )


def _has_lost_rows(account_id: int, which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Tell whether some of these runs have no rows any more, so that what they knew is lost."""
    lost = sa.select(runs.c.id).where(
        runs.c.account_id == account_id,
        runs.c.kind == "provision",
        runs.c.counts.is_not(None),
        which,
    )
    return lost.correlate(None).exists()


def _made_later(account_id: int, run_id: int) -> sa.Select[tuple[str, int]]:
    """Select the usernames that a later run created, with that run.

    A later run that only settled this one's doubt, by asking, created nothing.
    """
    sent = sa.select(attempts.c.run_id, attempts.c.username).where(
        attempts.c.run_id > run_id,
        attempts.c.call == "add_sip",
        attempts.c.verdict.not_in(["unsent", "busy"]),
    )
    return (
        sa.select(rows.c.username, sa.func.max(rows.c.run_id).label("run_id"))
        .join(runs, runs.c.id == rows.c.run_id)
        .where(
            runs.c.account_id == account_id,
            runs.c.id > run_id,
            runs.c.kind == "provision",
            rows.c.outcome.in_([Outcome.CREATED, Outcome.IN_DOUBT]),
            ((rows.c.outcome == Outcome.CREATED) & (rows.c.action != "settle"))
            | sa.tuple_(rows.c.run_id, rows.c.username).in_(sent),
        )
        .group_by(rows.c.username)
    )
