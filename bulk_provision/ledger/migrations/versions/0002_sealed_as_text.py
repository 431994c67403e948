"""Sealed passwords are text, in base64: rows travel to the database as JSON, which has no bytes."""

from __future__ import annotations

from base64 import b64encode

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = {
    "rows": ("run_id", "seq"),
    "endpoints": ("account_id", "username"),
    "earlier_passwords": ("id",),
}
_PAGE = 1000


def upgrade() -> None:
    for name, key in _TABLES.items():
        op.add_column(name, sa.Column("sealed_text", sa.Text(), nullable=True))
        _convert(name, key)
    for name in ("rows", "endpoints"):
        op.execute(f"ALTER TABLE {name} DROP COLUMN sealed")
        op.execute(f"ALTER TABLE {name} RENAME COLUMN sealed_text TO sealed")
    _make_earlier_passwords_anew()


def _convert(name: str, key: tuple[str, ...]) -> None:
    columns: list[sa.ColumnClause[str]] = [
        sa.column(one) for one in (*key, "sealed", "sealed_text")
    ]
    table = sa.table(name, *columns)
    connection = op.get_bind()
    found = connection.execute(
        sa.select(*columns[:-1]).where(sa.column("sealed").is_not(None))
    ).all()
    this = sa.and_(*(table.c[one] == sa.bindparam(f"key_{one}") for one in key))
    change = sa.update(table).where(this).values(sealed_text=sa.bindparam("text"))
    for start in range(0, len(found), _PAGE):
        connection.execute(
            change,
            [
                {
                    "text": b64encode(row.sealed).decode("ascii"),
                    **{f"key_{one}": getattr(row, one) for one in key},
                }
                for row in found[start : start + _PAGE]
            ],
        )


def _make_earlier_passwords_anew() -> None:
    """A column that must not be NULL cannot be added: the small table is made anew."""
    op.create_table(
        "earlier_passwords_anew",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "username"], ["endpoints.account_id", "endpoints.username"]
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(
        "INSERT INTO earlier_passwords_anew (id, account_id, username, sealed) "
        "SELECT id, account_id, username, sealed_text FROM earlier_passwords"
    )
    op.drop_table("earlier_passwords")
    op.rename_table("earlier_passwords_anew", "earlier_passwords")
    op.create_index(
        "earlier_passwords_by_endpoint", "earlier_passwords", ["account_id", "username"]
    )
