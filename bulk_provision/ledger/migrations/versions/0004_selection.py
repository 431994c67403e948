"""Which rows of its source a run selected: only runs with the same selection are compared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("runs", sa.Column("selection", sa.Text(), nullable=False, server_default=""))
