"""The ledger: the only truth about runs, rows, endpoints and attempts.

opening     the file, its connections, its schema
vault       passwords at rest
leases      who may call for an account
book        an account's runs and rows
journal     group commit of intents and outcomes
archive     runs as people and results files see them
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from bulk_provision.errors import KeyMismatchError
from bulk_provision.ledger import archive
from bulk_provision.ledger.book import Book, Known, OpenRow, Refusal, StagedRow
from bulk_provision.ledger.journal import Attempt, Intent, Journal, Settled
from bulk_provision.ledger.leases import Lease
from bulk_provision.ledger.opening import READS, ledger_url, open_engine
from bulk_provision.ledger.schema import State, accounts, meta, runs
from bulk_provision.ledger.vault import Vault, key_id, load_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.model import Outcome, ResultRow, RunRecord

__all__ = [
    "Attempt",
    "Book",
    "Intent",
    "Journal",
    "Known",
    "Lease",
    "Ledger",
    "OpenRow",
    "Refusal",
    "Settled",
    "StagedRow",
    "State",
    "Vault",
]


class Ledger:
    """A ledger, open for reading and writing; close it, or use it with `with`.

    Args:
        location: a database URL or the path of an SQLite file, made when missing.
        key: the encryption key in base64 (BULK_PROVISION_KEY); None: the file `<ledger>.key`.

    Raises:
        LedgerError: it cannot be used; the message says why.
        KeyMismatchError: the key is missing, or is not the one that the ledger was made with.
    """

    def __init__(self, location: str, key: str | None = None) -> None:
        url = ledger_url(location)
        self.path = Path(str(url.database))
        self._engine = open_engine(url)
        try:
            self._key = self._checked_key(key)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @property
    def key_file(self) -> Path:
        """Where the key lies unless BULK_PROVISION_KEY gives it: beside the ledger, not in it."""
        return self.path.with_name(self.path.name + ".key")

    def book(self, appid: int, base_url: str) -> Book:
        """Return an account's part of the ledger; an account is known by its id and base URL."""
        this = (accounts.c.appid == appid) & (accounts.c.base_url == base_url)
        wanted = sa.select(accounts.c.id).where(this)
        with self._engine.begin() as connection:
            account_id = connection.scalar(wanted)
            if account_id is None:
                connection.execute(sa.insert(accounts).values(appid=appid, base_url=base_url))
                account_id = connection.scalar(wanted)
        assert account_id is not None
        vault = self._vault(appid, base_url)
        return Book(self._engine, account_id, f"{appid} at {base_url}", vault)

    def runs(self, *, limit: int = 50) -> list[RunRecord]:
        """Return the newest runs, newest first."""
        return archive.run_records(self._engine, limit=limit)

    def run(self, run_id: int) -> RunRecord:
        """Return a run; UsageError when there is none of that number."""
        return archive.run_record(self._engine, run_id)

    def outcomes(self, run_id: int) -> dict[Outcome | None, int]:
        """Count a run's rows by outcome; None counts those that have none yet."""
        with self._engine.connect().execution_options(**READS) as connection:
            return archive.outcome_counts(connection, run_id)

    def result_rows(self, run_id: int) -> Iterator[ResultRow]:
        """Yield a run's rows in the source's order, credentials opened."""
        record = self.run(run_id)
        with self._engine.connect().execution_options(**READS) as connection:
            account_id = connection.scalar(sa.select(runs.c.account_id).where(runs.c.id == run_id))
        assert account_id is not None
        vault = self._vault(record.appid, record.base_url)
        return archive.result_rows(self._engine, vault, account_id, run_id)

    def _vault(self, appid: int, base_url: str) -> Vault:
        return Vault(self._key, f"{appid} {base_url}")

    def _checked_key(self, text: str | None) -> bytes:
        """Load the key, and compare it with the one that the ledger was made with."""
        wanted = sa.select(meta.c.value).where(meta.c.key == "key_id")
        with self._engine.connect().execution_options(**READS) as connection:
            made_with = connection.scalar(wanted)
        key = load_key(text, self.key_file, may_create=made_with is None)
        if made_with is None:
            with self._engine.begin() as connection:
                made_with = connection.scalar(wanted)  # another process may have been first
                if made_with is None:
                    made_with = key_id(key)
                    connection.execute(sa.insert(meta).values(key="key_id", value=made_with))
        if key_id(key) != made_with:
            origin = "BULK_PROVISION_KEY" if text else str(self.key_file)
            raise KeyMismatchError(
                f"The key in {origin} is not the one that the ledger {self.path} was made with.",
                "Give the right key: without it the ledger's passwords cannot be read.",
            )
        return key
