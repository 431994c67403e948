"""Statements for many rows at once: these travel as one JSON text, the database does the rest.

A driver that is fed row by row takes and gives back Python's one lock for each of them. Beside a
busy event loop that is what a row costs; the work itself hardly counts. Given all rows at once,
the database works through them without that lock, while the loop goes on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

_ENCODE = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
# Where a dialect finds the rows, and a field in one of them. SQLite's values have JSON's types.
_ROWS = {
    "sqlite": ("json_each(:given)", "json_extract(value, '$[{at}]')"),
    "postgresql": ("jsonb_array_elements(CAST(:given AS jsonb))", "CAST(value ->> {at} AS {type})"),
}


class Statement:
    """A statement that reads the rows it is executed for from a table named `given`.

    Args:
        fields: the columns of `given`, with their types: "username text, doubted boolean".
        sql: portable SQL; further values are named in it as `:name`.
    """

    def __init__(self, fields: str, sql: str) -> None:
        self._fields = [tuple(field.split()) for field in fields.split(",")]
        self._sql = sql
        self._texts: dict[str, sa.TextClause] = {}

    def many(
        self,
        connection: Connection,
        rows: Sequence[Sequence[Any]],
        **shared: Any,  # noqa: ANN401  (whatever a database takes)
    ) -> None:
        """Execute for every row; none is fine.

        Args:
            connection: to the ledger.
            rows: their values, in the order of the fields: texts, numbers, truth values, None.
            shared: the values that all rows have in common.
        """
        if rows:
            connection.execute(
                self._text(connection.dialect.name), {"given": _ENCODE(rows), **shared}
            )

    def _text(self, dialect: str) -> sa.TextClause:
        if dialect not in self._texts:
            source, value = _ROWS[dialect]
            names = ", ".join(name for name, _ in self._fields)
            values = ", ".join(
                value.format(at=at, type=type_) for at, (_, type_) in enumerate(self._fields)
            )
            # Materialized: else SQLite reads all of it again for every row of the other table.
            given = f"({names}) AS MATERIALIZED (SELECT {values} FROM {source})"  # noqa: S608
            # All of it is ours: field names from above, SQL from the modules beside this one.
            self._texts[dialect] = sa.text(f"WITH given{given} {self._sql}")
        return self._texts[dialect]
