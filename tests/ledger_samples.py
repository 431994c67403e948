"""Runs, rows and endpoints in a ledger, for tests of the ledger's rooms."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bulk_provision.ledger import Book, Intent, Journal, Ledger, Settled, StagedRow, State
from bulk_provision.ledger.schema import endpoints, rows
from bulk_provision.model import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

APPID, BASE_URL = 1001, "https://vendor.example/v1/endpoint"
PASSWORD = "Marked-Password-7"

STATES = {
    Outcome.CREATED: State.CREATED,
    Outcome.EXISTS: State.EXISTS,
    Outcome.FAILED: State.FAILED,
    Outcome.IN_DOUBT: State.IN_DOUBT,
}


def begin(book: Book, *usernames: str, columns: tuple[str, ...] = ()) -> int:
    """Begin a run with these usernames as its rows: seq from 1, numbers from 2."""
    run_id = book.begin_run(
        source="users.csv", sheet="", sha256="ab" * 32, columns=columns, rate=10.0
    )
    book.stage(run_id, [row(book, seq, name) for seq, name in enumerate(usernames, start=1)])
    return run_id


def row(book: Book, seq: int, username: str, password: str = "", **more: Any) -> StagedRow:
    """A staged row that is to be created, unless told otherwise."""
    sealed = book.vault.seal(username, password) if password else None
    given: dict[str, Any] = {"others": (), **more}
    if given.get("outcome") is None:
        given.setdefault("action", "create")
    return StagedRow(seq, seq + 1, username, sealed, **given)


def intent(book: Book, username: str, password: str = PASSWORD, **more: Any) -> Intent:
    """The intent to create an endpoint."""
    given = {"doubted": False, "purpose": "create", **more}
    return Intent(username, book.vault.seal(username, password), **given)


def settled(seq: int | None, username: str, outcome: Outcome, **more: Any) -> Settled:
    """How a row ended, with the endpoint's state that goes with it."""
    given = {
        "code": "200",
        "message": f"It is {outcome}.",
        "tip": "",
        "state": STATES.get(outcome),
        "doubted": outcome is Outcome.IN_DOUBT,
        **more,
    }
    return Settled(seq, username, outcome, **given)


@asynccontextmanager
async def journal_of(book: Book, run_id: int) -> AsyncIterator[Journal]:
    """The run's journal, under the account's lease."""
    with book.lease(wait=0) as lease:
        journal = book.journal(run_id, lease.token)
        try:
            yield journal
        finally:
            await journal.close()


def stored_rows(ledger: Ledger, run_id: int) -> list[dict[str, Any]]:
    """A run's rows as they stand in the table."""
    with ledger._engine.connect() as connection:
        found = sa.select(rows).where(rows.c.run_id == run_id).order_by(rows.c.seq)
        return [dict(one) for one in connection.execute(found).mappings()]


def outcomes(ledger: Ledger, run_id: int) -> dict[str, str | None]:
    """What became of each username of a run."""
    return {one["username"]: one["outcome"] for one in stored_rows(ledger, run_id)}


def endpoint(ledger: Ledger, username: str) -> dict[str, Any] | None:
    """An endpoint as it stands in the table."""
    with ledger._engine.connect() as connection:
        found = sa.select(endpoints).where(endpoints.c.username == username)
        one = connection.execute(found).mappings().one_or_none()
        return None if one is None else dict(one)
