"""Opening a ledger: its file, its connections, its schema. Every trouble here comes before a call.

SQLite is used with a write-ahead log and `synchronous=FULL`: a commit that returned survives a
power cut. Write transactions take the lock at their beginning (BEGIN IMMEDIATE), so that none is
refused halfway; readers never wait for writers.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa

from bulk_provision.errors import LedgerError, LedgerWriteError
from bulk_provision.ledger.schema import HEAD, accounts, endpoints, metadata

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

BUSY_SECONDS = 10.0  # how long a writer waits for another program's transaction to end
_VERSION = sa.Table(  # Alembic's own
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)
READS: dict[str, Any] = {"ledger_reads": True}  # execution options of a connection that only reads


def ledger_url(text: str) -> sa.URL:
    """Read `--ledger`: a database URL, or simply the path of an SQLite file.

    Raises:
        LedgerError: the text is neither, or names a database that this version does not know.
    """
    if "://" not in text:
        return sa.URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise LedgerError(
            "The ledger's URL cannot be read.", "Write sqlite:////full/path/ledger.db, or a path."
        ) from None
    if url.get_backend_name() != "sqlite":
        raise LedgerError(
            f"The ledger's URL names a database that is not known: {url.get_backend_name()}.",
            "Write sqlite:////full/path/ledger.db, or a path.",
        )
    if not url.database or url.database == ":memory:":
        raise LedgerError(
            "A ledger in memory would forget every password.", "Name a file with --ledger."
        )
    return url.set(database=str(Path(url.database).expanduser().absolute()))


def ledger_path(text: str) -> Path:
    """Return the file that `--ledger` names; raises LedgerError as `ledger_url` does."""
    return Path(str(ledger_url(text).database))


def stored_version(path: Path) -> str | None:
    """Return the schema of a ledger without changing anything; None when it is empty.

    Raises:
        LedgerError: it cannot be read, or is a database of another program.
    """
    url = sa.URL.create(
        "sqlite", database=f"file:{quote(str(path))}", query={"uri": "true", "mode": "ro"}
    )
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    try:
        with engine.connect() as connection:
            return _version(connection)
    except (sa.exc.DBAPIError, sqlite3.Error) as problem:
        trouble = str(getattr(problem, "orig", problem))
        raise LedgerError(
            f"The ledger {path} cannot be read: {trouble}.", _cure_for(trouble)
        ) from problem
    finally:
        engine.dispose()


def open_engine(url: sa.URL) -> Engine:
    """Connect to the ledger and bring its schema up to date; a missing SQLite file is made, 0600.

    Raises:
        LedgerError: not a ledger, damaged, locked, read-only, or made by a newer version.
    """
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as problem:
        raise LedgerError(
            f"The ledger {path} cannot be opened for writing: {problem.strerror}.",
            "Check the folder, its owner and its mode, or name another ledger with --ledger.",
        ) from problem
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "connect", _on_connect)
    sa.event.listen(engine, "begin", _on_begin)
    try:
        _ensure_schema(engine, path)
    except (sa.exc.DBAPIError, sqlite3.Error) as problem:
        engine.dispose()
        trouble = str(getattr(problem, "orig", problem))
        raise LedgerError(
            f"The ledger {path} cannot be used: {trouble}.", _cure_for(trouble)
        ) from problem
    except BaseException:
        engine.dispose()
        raise
    sa.event.listen(engine, "handle_error", _on_error)
    return engine


def _on_error(context: sa.engine.ExceptionContext) -> None:
    """Turn the database's troubles (full, locked, gone) into ours, in one place for all queries."""
    if isinstance(context.sqlalchemy_exception, sa.exc.OperationalError | sa.exc.DatabaseError):
        raise LedgerWriteError.of(context.original_exception) from context.original_exception


def _on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401  (a DBAPI connection)
    connection.isolation_level = None  # sqlite3 must not begin transactions by itself
    for pragma in (
        "synchronous=FULL",
        "fullfsync=ON",  # macOS: else a sync may stop at the disk's own cache
        "foreign_keys=ON",
        "secure_delete=ON",  # what is forgotten is overwritten
        "cache_size=-8000",  # KiB
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get("ledger_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _ensure_schema(engine: Engine, path: Path) -> None:
    with engine.connect().execution_options(**READS) as connection:
        version = _version(connection)
    _keep_write_ahead_log(engine)  # now that it is known to be no other program's database
    if version == HEAD:
        return
    with engine.begin() as connection:
        version = _version(connection)
        if version is None:
            _make_schema(connection)
        elif version != HEAD:  # else another process was first
            migrate(connection, version, path)


def _keep_write_ahead_log(engine: Engine) -> None:
    """Switch the file (not merely this connection) to a write-ahead log, unless it has one.

    SQLite refuses this at once, without its usual waiting, while another process does the same.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    pooled = engine.raw_connection()
    try:
        while True:
            try:
                pooled.cursor().execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as problem:
                if "locked" not in str(problem) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
    finally:
        pooled.close()


def _version(connection: Connection) -> str | None:
    known = sa.inspect(connection).get_table_names()
    if {"alembic_version", accounts.name, endpoints.name} <= set(known):
        return str(connection.scalar(sa.select(_VERSION.c.version_num)))
    if known:
        raise LedgerError(
            f"{connection.engine.url.database} is a database of another program.",
            "Name another file with --ledger.",
        )
    return None


def _make_schema(connection: Connection) -> None:
    """Make the newest schema at once: what all migrations make together (a test compares them)."""
    metadata.create_all(connection)
    _VERSION.create(connection)
    connection.execute(sa.insert(_VERSION).values(version_num=HEAD))


def migrate(connection: Connection, version: str | None, path: Path) -> None:
    """Bring the schema from `version` (None: empty) to the newest, in the given transaction.

    Raises:
        LedgerError: `version` was made by a newer program than this one.
    """
    from alembic import command  # noqa: PLC0415  (1 s to import, and seldom needed)
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise LedgerError(
            f"The ledger {path} was made by a newer version of bulk-provision "
            f"(schema {version}; this one knows {HEAD}).",
            "Update bulk-provision on this machine.",
        )
    command.upgrade(config, "head")


def _cure_for(trouble: str) -> str:
    if "locked" in trouble:
        return "Another program holds it: close that program, or wait for it, and try again."
    if "readonly" in trouble:
        return "Give this user the right to write to the file and its folder."
    if "malformed" in trouble or "not a database" in trouble:
        return "Restore it from a backup, or name another ledger with --ledger."
    return "Check the disk's free space and the file's mode."
