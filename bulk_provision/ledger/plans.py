"""The rows of a run that is only planned, as people look through them before they approve it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from bulk_provision.ledger.opening import READS
from bulk_provision.ledger.schema import endpoints, rows
from bulk_provision.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

_PAGE = 2000


class PlannedRow(NamedTuple):
    """A row of the source, and what would be done about it; never its password.

    Args:
        number: the row's number in the source.
        username: "" when the source has none.
        password: whence it comes: "source", "ledger" (an earlier run generated it) or "generated".
        action: what calls it needs to begin with; None when none.
        outcome: what it would have without a call; None when calls are needed.
        message: why.
        tip: what to do about it; "" when nothing.
        note: warnings about it.
        others: the source's own columns.
    """

    number: int
    username: str
    password: str
    action: str | None
    outcome: Outcome | None
    message: str
    tip: str
    note: str
    others: tuple[str, ...]


def planned_rows(engine: Engine, account_id: int, run_id: int) -> Iterator[PlannedRow]:
    """Yield the rows of a plan in the source's order, page by page."""
    after = 0
    while True:
        page = _ROWS.where(rows.c.run_id == run_id, rows.c.seq > after).limit(_PAGE)
        with engine.connect().execution_options(**READS) as connection:
            found = connection.execute(page, {"account_id": account_id}).all()
        if not found:
            return
        for row in found:
            yield PlannedRow(
                row.number,
                row.username,
                row.password,
                row.action,
                None if row.outcome is None else Outcome(row.outcome),
                row.message or "",
                row.tip or "",
                row.note or "",
                tuple(json.loads(row.cells)),
            )
        after = found[-1].seq


_ROWS = (
    sa.select(
        rows.c.seq,
        rows.c.number,
        rows.c.username,
        sa.case(
            (rows.c.sealed.is_not(None), "source"),
            (endpoints.c.sealed.is_not(None), "ledger"),
            else_="generated",
        ).label("password"),
        rows.c.action,
        rows.c.outcome,
        rows.c.message,
        rows.c.tip,
        rows.c.note,
        rows.c.cells,
    )
    .join(
        endpoints,
        (endpoints.c.account_id == sa.bindparam("account_id"))
        & (endpoints.c.username == rows.c.username),
        isouter=True,
    )
    .order_by(rows.c.seq)
)
