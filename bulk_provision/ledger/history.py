"""A job's past: when it last went well, what fails in its runs, and what was told about it.

A job's runs carry its name. Runs without a job are told apart by their source.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from bulk_provision.ledger.opening import READS
from bulk_provision.ledger.schema import (
    UNSETTLED,
    accounts,
    attempts,
    endpoints,
    notices,
    rows,
    runs,
)
from bulk_provision.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.engine import Engine

FAILING = (Outcome.FAILED, Outcome.INVALID, Outcome.IN_DOUBT)


class Past(NamedTuple):
    """Which runs are a job's.

    Args:
        job: its name; "" for runs that belong to none: then those of `sources` are meant.
        sources: as they are written in the ledger.
    """

    job: str
    sources: tuple[str, ...] = ()

    @property
    def runs(self) -> sa.ColumnElement[bool]:
        """Return the condition that picks them."""
        if self.job:
            return runs.c.job == self.job
        return (runs.c.job == "") & runs.c.source.in_(self.sources)


class RunFacts(NamedTuple):
    """What the ledger knows of a run and its summary does not tell.

    Args:
        kind: "provision" or "undo".
        rate: calls a second that were allowed; None for no limit.
        calling: seconds from the first call's beginning to the last one's end; 0.0 without calls.
    """

    kind: str
    rate: float | None
    calling: float


class FailingRow(NamedTuple):
    """A row that somebody should look at."""

    run_id: int
    number: int
    username: str
    outcome: Outcome
    code: str
    message: str


class FailingGroup(NamedTuple):
    """Rows of a run that fail in the same way.

    Args:
        run_id: the run.
        outcome: theirs.
        code: theirs: the vendor's, or a problem's kind.
        size: how many there are.
        first_number: the first one's row number.
        message: the first one's.
    """

    run_id: int
    outcome: Outcome
    code: str
    size: int
    first_number: int
    message: str


class Noted(NamedTuple):
    """What is remembered about a job between its rounds.

    Args:
        told: a fingerprint of what was told last; "" when nothing ever was.
        told_at: when that was; UTC, seconds since 1970.
        succeeded_at: when a round last ended with exit code 0.
        completed_at: when a round last came to its end (exit code 0 or 1).
        busy: how many rounds in a row have found an account busy.
    """

    told: str = ""
    told_at: float = 0.0
    succeeded_at: float = 0.0
    completed_at: float = 0.0
    busy: int = 0


def last_end(engine: Engine, past: Past, exit_codes: Collection[int]) -> float:
    """Return by when every account of a job had last ended a run with one of these exit codes.

    Returns:
        UTC, seconds since 1970; 0.0 when one of the accounts never has.
    """
    ended = sa.func.max(sa.case((runs.c.exit_code.in_(exit_codes), runs.c.ended_at), else_=0.0))
    by_account = (
        sa.select(ended.label("ended"))
        .where(past.runs, runs.c.kind == "provision")
        .group_by(runs.c.account_id)
    )
    with engine.connect().execution_options(**READS) as connection:
        found = connection.scalar(sa.select(sa.func.min(by_account.subquery().c.ended)))
    return float(found or 0.0)


def unsettled(engine: Engine, past: Past) -> dict[int, int]:
    """Count the endpoints in doubt of each account (by appid) that a job ever ran for."""
    of_job = sa.select(runs.c.account_id).where(past.runs)
    open_ones = (
        sa.select(endpoints.c.account_id, sa.func.count().label("number"))
        .where(endpoints.c.state.in_(UNSETTLED))
        .group_by(endpoints.c.account_id)
        .subquery()
    )
    counted = (
        sa.select(accounts.c.appid, sa.func.sum(sa.func.coalesce(open_ones.c.number, 0)))
        .join(open_ones, open_ones.c.account_id == accounts.c.id, isouter=True)
        .where(accounts.c.id.in_(of_job))
        .group_by(accounts.c.appid)
    )
    with engine.connect().execution_options(**READS) as connection:
        return {appid: int(number) for appid, number in connection.execute(counted)}


def run_facts(engine: Engine, run_ids: Sequence[int]) -> dict[int, RunFacts]:
    """Return what is known of some runs, without counting their rows."""
    calls = (
        sa.select(
            attempts.c.run_id,
            sa.func.min(attempts.c.ended_at - attempts.c.seconds).label("first"),
            sa.func.max(attempts.c.ended_at).label("last"),
        )
        .where(attempts.c.run_id.in_(run_ids), attempts.c.verdict != "unsent")
        .group_by(attempts.c.run_id)
        .subquery()
    )
    found = (
        sa.select(
            runs.c.id, runs.c.kind, runs.c.rate, sa.func.coalesce(calls.c.last - calls.c.first, 0.0)
        )
        .join(calls, calls.c.run_id == runs.c.id, isouter=True)
        .where(runs.c.id.in_(run_ids))
    )
    with engine.connect().execution_options(**READS) as connection:
        return {run_id: RunFacts(*facts) for run_id, *facts in connection.execute(found)}


def failing_fingerprint(engine: Engine, run_ids: Sequence[int]) -> str:
    """Return a digest of which usernames fail with which code; "" when none does.

    The same people failing in the same way have the same digest, whatever their row numbers.
    """
    found = (
        sa.select(runs.c.account_id, rows.c.username, _CODE, rows.c.outcome, sa.func.count())
        .join(runs, runs.c.id == rows.c.run_id)
        .where(rows.c.run_id.in_(run_ids), rows.c.outcome.in_(FAILING))
        .group_by(runs.c.account_id, rows.c.username, _CODE, rows.c.outcome)
        .order_by(runs.c.account_id, rows.c.username, _CODE, rows.c.outcome)
    )
    digest, any_ = hashlib.sha256(), False
    with engine.connect().execution_options(**READS) as connection:
        for one in connection.execute(found):
            any_ = True
            digest.update(json.dumps(list(one)).encode())
    return digest.hexdigest() if any_ else ""


def failing_rows(engine: Engine, run_ids: Sequence[int], limit: int) -> list[FailingRow]:
    """Return the first rows of some runs that fail."""
    found = (
        sa.select(
            rows.c.run_id,
            rows.c.number,
            rows.c.username,
            rows.c.outcome,
            _CODE,
            sa.func.coalesce(rows.c.message, ""),
        )
        .where(rows.c.run_id.in_(run_ids), rows.c.outcome.in_(FAILING))
        .order_by(rows.c.run_id, rows.c.seq)
        .limit(limit)
    )
    with engine.connect().execution_options(**READS) as connection:
        return [
            FailingRow(run_id, number, username, Outcome(outcome), code, message)
            for run_id, number, username, outcome, code, message in connection.execute(found)
        ]


def failing_groups(engine: Engine, run_ids: Sequence[int], limit: int) -> list[FailingGroup]:
    """Return in which ways rows of some runs fail, the most frequent first."""
    groups = (
        sa.select(
            rows.c.run_id,
            rows.c.outcome,
            _CODE.label("code"),
            sa.func.count().label("number"),
            sa.func.min(rows.c.seq).label("first"),
        )
        .where(rows.c.run_id.in_(run_ids), rows.c.outcome.in_(FAILING))
        .group_by(rows.c.run_id, rows.c.outcome, _CODE)
        .subquery()
    )
    found = (
        sa.select(groups, rows.c.number.label("row"), sa.func.coalesce(rows.c.message, ""))
        .join(rows, (rows.c.run_id == groups.c.run_id) & (rows.c.seq == groups.c.first))
        .order_by(groups.c.number.desc(), groups.c.run_id, groups.c.first)
        .limit(limit)
    )
    with engine.connect().execution_options(**READS) as connection:
        return [
            FailingGroup(run_id, Outcome(outcome), code, number, row, message)
            for run_id, outcome, code, number, _, row, message in connection.execute(found)
        ]


def noted(engine: Engine, job: str) -> Noted | None:
    """Return what is remembered about a job; None when nothing is."""
    with engine.connect().execution_options(**READS) as connection:
        found = connection.execute(_NOTICE, {"job": job}).one_or_none()
    return None if found is None else _read(found.state, found.told_at)


def note(engine: Engine, job: str, **changes: str | float) -> None:
    """Change what is remembered about a job, by the fields of `Noted`; the others stay."""
    with engine.begin() as connection:
        found = connection.execute(_NOTICE, {"job": job}).one_or_none()
        before = Noted() if found is None else _read(found.state, found.told_at)
        after = before._asdict() | changes
        told_at = after.pop("told_at")
        values = {"state": json.dumps(after), "told_at": told_at}
        if found is None:
            connection.execute(sa.insert(notices).values(job=job, **values))
        else:
            connection.execute(sa.update(notices).where(notices.c.job == job).values(**values))


def _read(state: str, told_at: float) -> Noted:
    try:
        known = dict(json.loads(state))
    except (ValueError, TypeError):  # not ours: better to tell twice than to trip over it for ever
        return Noted()
    fields = {name: value for name, value in known.items() if name in Noted._fields}
    return Noted(**fields)._replace(told_at=told_at)


_CODE = sa.func.coalesce(rows.c.code, "")
_NOTICE = sa.select(notices.c.state, notices.c.told_at).where(notices.c.job == sa.bindparam("job"))
