"""What a rehearsal takes of the ledger: a copy to write into, and what the vendor holds."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from itertools import chain
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bulk_provision.errors import LedgerError
from bulk_provision.ledger.opening import READS
from bulk_provision.ledger.schema import State, endpoints, listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

    from bulk_provision.ledger.vault import Vault

_PAGE = 1000
_OURS = (State.CREATED, State.RESET)


def copy_database(engine: Engine, path: Path) -> None:
    """Copy the whole ledger, as it is at one moment, into a new file with mode 0600.

    The copy belongs to nobody: no account of it is held, and none has to wait for its pace.

    Raises:
        LedgerError: the copy cannot be written.
    """
    pooled = engine.raw_connection()
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(path)) as copy:
            assert isinstance(pooled.driver_connection, sqlite3.Connection)
            pooled.driver_connection.backup(copy)
            copy.execute("UPDATE leases SET holder = NULL, expires_at = NULL, free_at = NULL")
            copy.commit()
    except (OSError, sqlite3.Error) as problem:
        raise LedgerError(
            f"The ledger cannot be copied to {path.parent} for the rehearsal: {problem}.",
            "Free disk space there, or name another folder in the variable TMPDIR.",
        ) from problem
    finally:
        pooled.close()


def at_vendor(
    engine: Engine, account_id: int, vault: Vault, listing_id: int | None
) -> Iterator[tuple[str, str | None]]:
    """Yield usernames at the vendor, each with its password; see `Book.at_vendor`.

    The list tells the passwords; where it leaves one out, that of our own endpoint is known to the
    ledger. An endpoint that is in doubt is there only if the list names it.
    """
    with engine.connect().execution_options(**READS) as connection:
        found = connection.execute(_beside_listing(account_id, listing_id))
        for username, told, state, kept in chain.from_iterable(found.partitions(_PAGE)):
            password = "" if told is None else vault.open(username, told)
            if not password and state in _OURS and kept is not None:
                password = vault.open(username, kept)
            yield username, password or None


def _beside_listing(account_id: int, listing_id: int | None) -> sa.Select[Any]:
    """Select username, listed password, state and kept password."""
    if listing_id is None:
        return sa.select(
            endpoints.c.username, sa.null(), endpoints.c.state, endpoints.c.sealed
        ).where(endpoints.c.account_id == account_id, endpoints.c.state.in_((*_OURS, State.EXISTS)))
    of_listed = (endpoints.c.account_id == account_id) & (endpoints.c.username == listed.c.username)
    return (
        sa.select(listed.c.username, listed.c.sealed, endpoints.c.state, endpoints.c.sealed)
        .join(endpoints, of_listed, isouter=True)
        .where(listed.c.listing_id == listing_id)
        .order_by(listed.c.page)
    )
