"""Drift: where the vendor's list differs from a source (or the last ones) and from the ledger.

A username has one kind of drift; only one that no source names may have another password as well.
What an unsettled request of ours names has none: it may still come about, and the next run
settles it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from bulk_provision.ledger.schema import UNSETTLED, State, endpoints, listed, rows, runs
from bulk_provision.model import Drift, DriftKind, ExitCode, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection

    from bulk_provision.ledger.vault import Vault

_PAGE = 1000
_OURS = (State.CREATED, State.RESET)


class Beside(NamedTuple):
    """What a reading of the vendor's list is compared with.

    Args:
        account_id: the account in the ledger.
        listing_id: the reading.
        run_ids: whose rows are the source.
        is_whole: whether what the list does not name is known not to exist.
    """

    account_id: int
    listing_id: int
    run_ids: Sequence[int]
    is_whole: bool


def last_sources(connection: Connection, account_id: int) -> list[int]:
    """Return the newest run of each job, or of each source without a job, that still has rows.

    A run that selected its rows (a wave) has not the whole source: each selection's newest run
    counts, unless a run of the whole source is newer.
    """
    of_what = sa.case((runs.c.job != "", "job " + runs.c.job), else_="file " + runs.c.source)
    newest = (
        sa.select(of_what, runs.c.selection, sa.func.max(runs.c.id))
        .where(
            runs.c.account_id == account_id,
            runs.c.kind == "provision",
            runs.c.state != "plan",
            runs.c.staged_at.is_not(None),
            runs.c.exit_code.is_distinct_from(ExitCode.LIMIT_PASSED),
            sa.select(rows.c.seq).where(rows.c.run_id == runs.c.id).exists(),
        )
        .group_by(of_what, runs.c.selection)
    )
    found = [tuple(row) for row in connection.execute(newest)]
    whole = {what: run_id for what, selection, run_id in found if not selection}
    return [run_id for what, _, run_id in found if run_id >= whole.get(what, 0)]


def in_doubt(connection: Connection, account_id: int) -> int:
    """Count the endpoints that an unsettled request names."""
    counted = sa.select(sa.func.count()).where(
        endpoints.c.account_id == account_id, endpoints.c.state.in_(UNSETTLED)
    )
    return connection.scalar(counted) or 0


def drifts(connection: Connection, vault: Vault, beside: Beside) -> Iterator[Drift]:
    """Yield all drift, kind by kind; memory does not grow with it."""
    if beside.is_whole:
        yield from _missing(connection, beside)
    yield from _in_no_source(connection, beside)
    yield from _other_passwords(connection, vault, beside)
    if beside.is_whole:
        yield from _gone(connection, beside)


def _missing(connection: Connection, beside: Beside) -> Iterator[Drift]:
    """In the source, and not at the vendor (what was ours and is gone has a kind of its own)."""
    state = sa.func.coalesce(endpoints.c.state, "")
    found = (
        sa.select(rows.c.username, sa.func.min(rows.c.number), endpoints.c.state)
        .join(endpoints, _is_known(beside), isouter=True)
        .join(listed, _is_listed(beside), isouter=True)
        .where(
            _of_source(beside),
            listed.c.username.is_(None),
            state.not_in((*UNSETTLED, *_OURS)),
        )
        .group_by(rows.c.username, endpoints.c.state)
        .order_by(rows.c.username)
    )
    for username, number, known in _all(connection, found):
        note = "run creates it"
        if known == State.EXISTS:
            note = "it was somebody else's, and is gone: run --recheck creates it"
        yield Drift(DriftKind.MISSING, username, number, note)


def _in_no_source(connection: Connection, beside: Beside) -> Iterator[Drift]:
    """At the vendor, and in no source; an invalid row names its user all the same."""
    named = sa.select(rows.c.username).where(rows.c.run_id.in_(beside.run_ids))
    found = (
        sa.select(listed.c.username, endpoints.c.state)
        .join(
            endpoints,
            (endpoints.c.account_id == beside.account_id)
            & (endpoints.c.username == listed.c.username),
            isouter=True,
        )
        .where(
            listed.c.listing_id == beside.listing_id,
            listed.c.username.not_in(named),
            sa.func.coalesce(endpoints.c.state, "").not_in(UNSETTLED),
        )
        .order_by(listed.c.username)
    )
    for username, known in _all(connection, found):
        note = "an earlier run of ours made it" if known in _OURS else "not ours"
        yield Drift(DriftKind.IN_NO_SOURCE, username, None, note)


def _other_passwords(connection: Connection, vault: Vault, beside: Beside) -> Iterator[Drift]:
    """The vendor holds another password than the source, or than the ledger for one of ours."""
    last = ""
    for username, number, held, *others in _all(connection, _with_passwords(beside)):
        if username == last:
            continue  # in several sources: told once
        at_vendor = _opened(vault, username, held)
        note = _difference(at_vendor, *(_opened(vault, username, other) for other in others))
        if note:
            last = username
            yield Drift(DriftKind.PASSWORD, username, number, note)
    for username, held, ours in _all(connection, _ours_in_no_source(beside)):
        if _opened(vault, username, held) != _opened(vault, username, ours):
            yield Drift(DriftKind.PASSWORD, username, None, _difference("", "", "ours"))


def _with_passwords(beside: Beside) -> sa.Select[Any]:
    ours = sa.case((endpoints.c.state.in_(_OURS), endpoints.c.sealed), else_=None)
    return (
        sa.select(rows.c.username, rows.c.number, listed.c.sealed, rows.c.sealed, ours)
        .join(listed, _is_listed(beside))
        .join(endpoints, _is_known(beside), isouter=True)
        .where(
            _of_source(beside),
            sa.func.coalesce(endpoints.c.state, "").not_in(UNSETTLED),
            sa.func.coalesce(rows.c.sealed, ours).is_not(None),
        )
        .order_by(rows.c.username)
    )


def _ours_in_no_source(beside: Beside) -> sa.Select[Any]:
    named = sa.select(rows.c.username).where(_of_source(beside))
    return (
        sa.select(endpoints.c.username, listed.c.sealed, endpoints.c.sealed)
        .join(
            listed,
            (listed.c.listing_id == beside.listing_id)
            & (listed.c.username == endpoints.c.username),
        )
        .where(
            endpoints.c.account_id == beside.account_id,
            endpoints.c.state.in_(_OURS),
            endpoints.c.sealed.is_not(None),
            endpoints.c.username.not_in(named),
        )
        .order_by(endpoints.c.username)
    )


def _difference(at_vendor: str, of_source: str, ours: str) -> str:
    """Say whose password the vendor's is not; "" stands for one that is not known."""
    differs_from = [
        name
        for name, password in (("the source's", of_source), ("the one that we set", ours))
        if password and password != at_vendor
    ]
    return f"the password at TeleCMI is not {' nor '.join(differs_from)}" if differs_from else ""


def _gone(connection: Connection, beside: Beside) -> Iterator[Drift]:
    """Ours in the ledger, and not at the vendor."""
    found = (
        sa.select(endpoints.c.username)
        .join(
            listed,
            (listed.c.listing_id == beside.listing_id)
            & (listed.c.username == endpoints.c.username),
            isouter=True,
        )
        .where(
            endpoints.c.account_id == beside.account_id,
            endpoints.c.state.in_(_OURS),
            listed.c.username.is_(None),
        )
        .order_by(endpoints.c.username)
    )
    for (username,) in _all(connection, found):
        yield Drift(
            DriftKind.GONE, username, None, "run --recheck creates it again, if a source names it"
        )


def _of_source(beside: Beside) -> sa.ColumnElement[bool]:
    return sa.and_(
        rows.c.run_id.in_(beside.run_ids),
        rows.c.outcome.is_distinct_from(Outcome.INVALID),
        rows.c.username != "",
    )


def _is_known(beside: Beside) -> sa.ColumnElement[bool]:
    return sa.and_(
        endpoints.c.account_id == beside.account_id, endpoints.c.username == rows.c.username
    )


def _is_listed(beside: Beside) -> sa.ColumnElement[bool]:
    return sa.and_(listed.c.listing_id == beside.listing_id, listed.c.username == rows.c.username)


def _all(connection: Connection, found: sa.Select[Any]) -> Iterator[Any]:
    for page in connection.execute(found).partitions(_PAGE):
        yield from page


def _opened(vault: Vault, username: str, sealed: str | None) -> str:
    return "" if sealed is None else vault.open(username, sealed)
