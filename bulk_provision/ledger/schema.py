"""The ledger's tables, as SQLAlchemy Core. The migrations make them; a test compares the two.

Times are UTC seconds since 1970. `sealed` columns hold passwords as `vault` encrypts them.

    accounts ──< runs ──< rows            what each line of each source became
        │          └────< attempts        every call that was made; only ever appended to
        ├──< endpoints                    what we know of a username: the intent and its outcome
        │       └──< earlier_passwords    passwords that an unanswered request may have set
        ├──< listings ──< listed          the vendor's own list, page by page, while it is read
        └─── leases                       which process may call for the account

    files                                 what a job wrote, for the day when it cleans up
    notices                               what was last told about a job, and when it went well
"""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa

HEAD = "0004"  # the newest migration; lets an up-to-date ledger open without Alembic's 1 s import


class State(StrEnum):
    """What the ledger knows of an endpoint."""

    PLANNED = "planned"  # a password is chosen; no request ever had an effect
    INTENDED = "intended"  # a request may leave, or may have left
    IN_DOUBT = "in_doubt"  # a request left, and what it did is not known
    CREATED = "created"  # ours
    EXISTS = "exists"  # somebody else's
    RESET = "reset"  # somebody else's, but the password is the one that we set
    FAILED = "failed"  # the vendor refused
    REMOVED = "removed"  # it was ours, and an undo removed it, or found it gone


UNSETTLED = (State.INTENDED, State.IN_DOUBT)
LISTED = "listed"  # the proof of what is known from the vendor's list alone

metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("appid", sa.BigInteger, nullable=False),
    sa.Column("base_url", sa.Text, nullable=False),
    sa.UniqueConstraint("appid", "base_url"),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("token", sa.Integer, nullable=False),  # grows with every holder: the fence
    sa.Column("holder", sa.Text),  # for people; NULL when nobody holds it
    sa.Column("place", sa.Text),  # machine, boot and process namespace: where `pid` means anything
    sa.Column("pid", sa.Integer),
    sa.Column("pid_started", sa.Float),  # seconds after the boot
    sa.Column("since", sa.Float),
    sa.Column("expires_at", sa.Float),
    sa.Column("free_at", sa.Float),  # before this moment no call may leave: the pace goes on
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("sheet", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("columns", sa.Text, nullable=False),  # JSON list of the source's own headers
    sa.Column("started_by", sa.Text, nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("rate", sa.Float),
    sa.Column("rows_read", sa.Integer, nullable=False, server_default="0"),
    sa.Column("warnings", sa.Text, nullable=False, server_default="[]"),  # JSON
    sa.Column("exit_code", sa.Integer),
    sa.Column("kind", sa.Text, nullable=False, server_default="provision"),  # or "undo"
    sa.Column("undoes", sa.Integer),  # the run whose endpoints an undo removes
    sa.Column("job", sa.Text, nullable=False, server_default=""),  # the job's name
    sa.Column("counts", sa.Text),  # JSON: outcomes and calls, once its rows are removed
    sa.Column("staged_at", sa.Float),  # when its source was read to the end; NULL: not yet, never
    sa.Column("erased_at", sa.Float),  # when `forget` erased the passwords of its source's cells
    sa.Column("selection", sa.Text, nullable=False, server_default=""),  # as --where was written
    sa.Index("runs_by_account", "account_id", "ended_at"),
)

rows = sa.Table(
    "rows",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),  # order in the source, from 1
    sa.Column("number", sa.Integer, nullable=False),  # as the user sees it
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("sealed", sa.Text),  # the password in the source's cell; NULL when blank
    sa.Column("cells", sa.Text, nullable=False),  # JSON list: the source's own columns
    sa.Column("action", sa.Text),  # what calls it needs to begin with; NULL when none
    sa.Column("outcome", sa.Text),  # NULL until it is known
    sa.Column("code", sa.Text),
    sa.Column("message", sa.Text),
    sa.Column("tip", sa.Text),
    sa.Column("note", sa.Text),  # warnings about the row
    sqlite_with_rowid=False,
)
# Both stay small: rows whose outcome is still to come, and those that a later run may settle.
sa.Index(
    "rows_open",
    rows.c.run_id,
    rows.c.seq,
    sqlite_where=rows.c.outcome.is_(None),
    postgresql_where=rows.c.outcome.is_(None),
)
sa.Index(
    "rows_in_doubt",
    rows.c.username,
    sqlite_where=rows.c.outcome == "in_doubt",
    postgresql_where=rows.c.outcome == "in_doubt",
)

endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("username", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("sealed", sa.Text),  # the password we chose or were given
    # True from the first request without a clear answer until read-back or a 200 settles it.
    sa.Column("doubted", sa.Boolean, nullable=False, server_default=sa.false()),
    # Of the intent: "create", "reset", "change", "remove".
    sa.Column("purpose", sa.Text, nullable=False),
    # What the state rests on: "answer", "read-back", "acknowledged" (200, but an odd password), or
    # "listed" (somebody else's: seen in the vendor's list)
    sa.Column("proof", sa.Text),
    sa.Column("connect_url", sa.Text),
    sa.Column("compared", sa.Text),  # what --on-exists compare found, and for which password
    sa.Column("run_id", sa.Integer, nullable=False),  # the run that wrote this
    sa.Column("updated_at", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index(
    "endpoints_unsettled",
    endpoints.c.account_id,
    endpoints.c.state,
    sqlite_where=sa.text("state IN ('intended', 'in_doubt')"),
    postgresql_where=sa.text("state IN ('intended', 'in_doubt')"),
)

earlier_passwords = sa.Table(
    "earlier_passwords",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.Integer, nullable=False),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["account_id", "username"], ["endpoints.account_id", "endpoints.username"]
    ),
    sa.Index("earlier_passwords_by_endpoint", "account_id", "username"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("call", sa.Text, nullable=False),
    sa.Column("ended_at", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Index("attempts_by_run", "run_id"),
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # "results" or "log"
    sa.Column("path", sa.Text, nullable=False),  # absolute
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("modified_ns", sa.BigInteger, nullable=False),  # as it was written: else it is theirs
    sa.Column("written_at", sa.Float, nullable=False),
    sa.Index("files_by_job", "job", "written_at"),
)

listings = sa.Table(
    "listings",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),  # NULL: it can be taken up again
    sa.Column("count", sa.Integer, nullable=False),  # endpoints, as the vendor said last
    sa.Column("next_page", sa.Integer, nullable=False),
    sa.Index("listings_by_account", "account_id", "started_at"),
)

listed = sa.Table(
    "listed",
    metadata,
    sa.Column("listing_id", sa.ForeignKey("listings.id"), primary_key=True),
    sa.Column("username", sa.Text, primary_key=True),
    sa.Column("sealed", sa.Text),
    sa.Column("page", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # JSON: `history.Noted`
    sa.Column("told_at", sa.Float, nullable=False),
)
