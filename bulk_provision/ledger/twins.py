"""Rows of a run whose usernames have something in common: found by queries, not in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from bulk_provision.ledger.opening import READS
from bulk_provision.ledger.schema import rows
from bulk_provision.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

_PAGE = 1000


class Twin(NamedTuple):
    """A row that has its username in common with an earlier one (or all but the case of it)."""

    seq: int
    number: int
    username: str
    first_number: int
    first_username: str


def duplicates(engine: Engine, run_id: int) -> Iterator[list[Twin]]:
    """Yield, in pages, the rows whose username an earlier row has already."""
    return _twins(engine, run_id, rows.c.username, sa.func.count() > 1, exact=True)


def collisions(engine: Engine, run_id: int) -> Iterator[list[Twin]]:
    """Yield, in pages, all rows whose username another row has too, those of one together.

    Rows that are refused already are not among them; but they count as the other row.
    """
    several = sa.func.count() > 1
    return _twins(engine, run_id, rows.c.username, several, exact=True, with_first=True)


def case_twins(engine: Engine, run_id: int) -> Iterator[list[Twin]]:
    """Yield, in pages, the rows whose username differs from an earlier one only by case."""
    several = sa.func.count(rows.c.username.distinct()) > 1
    return _twins(engine, run_id, sa.func.lower(rows.c.username), several, exact=False)


def shorter(engine: Engine, run_id: int, length: int) -> Iterator[list[tuple[int, int, str]]]:
    """Yield, in pages, the seq, number and username of rows with a shorter username."""
    found = (
        sa.select(rows.c.seq, rows.c.number, rows.c.username)
        .where(
            rows.c.run_id == run_id,
            sa.func.length(rows.c.username) < length,
            rows.c.outcome.is_distinct_from(Outcome.INVALID),
        )
        .order_by(rows.c.seq)
    )
    with engine.connect().execution_options(**READS) as connection:
        for page in connection.execute(found).partitions(_PAGE):
            yield [(row.seq, row.number, row.username) for row in page]


def _twins(
    engine: Engine,
    run_id: int,
    key: sa.ColumnElement[str],
    several: sa.ColumnElement[bool],
    *,
    exact: bool,
    with_first: bool = False,
) -> Iterator[list[Twin]]:
    groups = (
        sa.select(key.label("key"), sa.func.min(rows.c.seq).label("first"))
        .where(rows.c.run_id == run_id, rows.c.username != "")
        .group_by(key)
        .having(several)
        .subquery()
    )
    first = rows.alias("first")
    found = (
        sa.select(rows.c.seq, rows.c.number, rows.c.username, first.c.number, first.c.username)
        .join(groups, groups.c.key == key)
        .join(first, (first.c.run_id == run_id) & (first.c.seq == groups.c.first))
        .where(
            rows.c.run_id == run_id,
            rows.c.outcome.is_distinct_from(Outcome.INVALID),
        )
        .order_by(*((groups.c.first, rows.c.seq) if with_first else (rows.c.seq,)))
    )
    if not with_first:
        found = found.where(rows.c.seq > groups.c.first)
    if not exact:
        found = found.where(rows.c.username != first.c.username)
    with engine.connect().execution_options(**READS) as connection:
        for page in connection.execute(found).partitions(_PAGE):
            yield [Twin(*row) for row in page]
