"""Jobs: the kind of a run, its job, whether its source was read whole; files, lists, notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("runs", sa.Column("kind", sa.Text(), nullable=False, server_default="provision"))
    op.add_column("runs", sa.Column("undoes", sa.Integer(), nullable=True))
    op.add_column("runs", sa.Column("job", sa.Text(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("counts", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("staged_at", sa.Float(), nullable=True))
    op.execute("UPDATE runs SET staged_at = started_at WHERE state = 'done'")
    op.create_table(
        "files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified_ns", sa.BigInteger(), nullable=False),
        sa.Column("written_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("files_by_job", "files", ["job", "written_at"])
    op.create_table(
        "listings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("next_page", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
    )
    op.create_index("listings_by_account", "listings", ["account_id", "started_at"])
    op.create_table(
        "listed",
        sa.Column("listing_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("listing_id", "username"),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"]),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notices",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("told_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("job"),
    )
