"""The ledger: the only truth about runs, rows, endpoints and attempts.

opening     the file, its connections, its schema
vault       passwords at rest
leases      who may call for an account
book        an account's runs and rows
changes     what is different since the last run of a job
creations   what a run created, and what proves it: for `undo`
journal     group commit of intents and outcomes
plans       rows as a plan shows them
waves       which rows a run leaves for a later one
listings    the vendor's own list, while it is read and used
drift       what it and the ledger say differently
rehearsals  what a rehearsal takes of it: a copy, and what the vendor holds
keeping     what a job keeps, and for how long
erasing     `forget`: delivered passwords leave for good
rekeying    `rekey`: another key for all of it
archive     runs as people and results files see them
history     a job's past: when it last went well, what fails, what was told
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from bulk_provision.errors import KeyMismatchError, UsageError
from bulk_provision.ledger import archive, history
from bulk_provision.ledger.book import Book, Known, OpenRow, Refusal, StagedRow
from bulk_provision.ledger.changes import Change
from bulk_provision.ledger.creations import Creation
from bulk_provision.ledger.erasing import Forgotten, forget
from bulk_provision.ledger.history import FailingGroup, FailingRow, Noted, Past, RunFacts
from bulk_provision.ledger.journal import Attempt, Intent, Journal, ListedPage, Settled
from bulk_provision.ledger.keeping import (
    OldFile,
    forget_files,
    note_file,
    old_files,
    remove_rows,
)
from bulk_provision.ledger.leases import LEASE_SECONDS, Lease
from bulk_provision.ledger.listings import Decided, Listings
from bulk_provision.ledger.opening import (
    READS,
    ledger_path,
    ledger_url,
    open_engine,
    stored_version,
)
from bulk_provision.ledger.plans import PlannedRow
from bulk_provision.ledger.rehearsals import copy_database
from bulk_provision.ledger.rekeying import reseal_everything
from bulk_provision.ledger.schema import HEAD, State, accounts, meta, runs
from bulk_provision.ledger.vault import (
    Vault,
    decoded_key,
    encoded_key,
    key_id,
    load_key,
    new_key,
    write_key,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bulk_provision.model import Outcome, ResultRow, RunRecord

_KEY_ID = sa.select(meta.c.value).where(meta.c.key == "key_id")

__all__ = [
    "HEAD",
    "LEASE_SECONDS",
    "Attempt",
    "Book",
    "Change",
    "Creation",
    "Decided",
    "FailingGroup",
    "FailingRow",
    "Intent",
    "Journal",
    "Known",
    "Lease",
    "Ledger",
    "ListedPage",
    "Listings",
    "Noted",
    "OldFile",
    "OpenRow",
    "Past",
    "PlannedRow",
    "Refusal",
    "RunFacts",
    "Settled",
    "StagedRow",
    "State",
    "Vault",
    "ledger_path",
    "stored_version",
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
        if (known := self.known_book(appid, base_url)) is not None:
            return known
        with self._engine.begin() as connection:
            if connection.scalar(_account_id(appid, base_url)) is None:
                connection.execute(sa.insert(accounts).values(appid=appid, base_url=base_url))
        made = self.known_book(appid, base_url)
        assert made is not None
        return made

    def known_book(self, appid: int, base_url: str) -> Book | None:
        """Return an account's part of the ledger; None when nothing is known of it."""
        with self._engine.connect().execution_options(**READS) as connection:
            account_id = connection.scalar(_account_id(appid, base_url))
        if account_id is None:
            return None
        vault = self._vault(appid, base_url)
        return Book(self._engine, account_id, f"{appid} at {base_url}", vault)

    def runs(self, *, limit: int = 50) -> list[RunRecord]:
        """Return the newest runs, newest first."""
        return archive.run_records(self._engine, limit=limit)

    def last_run(self, job: str) -> RunRecord | None:
        """Return a job's newest run; None when it has none."""
        return archive.last_record(self._engine, job)

    def run(self, run_id: int) -> RunRecord:
        """Return a run; UsageError when there is none of that number."""
        return archive.run_record(self._engine, run_id)

    def outcomes(self, run_id: int) -> dict[Outcome | None, int]:
        """Count a run's rows by outcome; None counts those that have none yet."""
        with self._engine.connect().execution_options(**READS) as connection:
            return archive.outcome_counts(connection, run_id)

    def result_rows(self, run_id: int, *, changed: bool = False) -> Iterator[ResultRow]:
        """Yield a run's rows in the source's order, credentials opened.

        Args:
            run_id: whose rows.
            changed: leave out those that are as an earlier run left them.

        Raises:
            UsageError: there is no such run, or its rows were removed.
        """
        record = self.run(run_id)
        if not record.has_rows:
            raise UsageError(
                f"The rows of run {run_id} were removed (keep_rows_days of its job).",
                "What became of its endpoints is in the results of later runs.",
            )
        with self._engine.connect().execution_options(**READS) as connection:
            account_id = connection.scalar(sa.select(runs.c.account_id).where(runs.c.id == run_id))
        assert account_id is not None
        vault = self._vault(record.appid, record.base_url)
        return archive.result_rows(self._engine, vault, account_id, run_id, changed=changed)

    def unchanged(self, run_id: int) -> dict[Outcome, int]:
        """Count the rows of a run that are as an earlier run left them, by outcome."""
        with self._engine.connect().execution_options(**READS) as connection:
            return archive.unchanged(connection, run_id)

    def last_end(self, past: Past, exit_codes: Collection[int]) -> float:
        """Return by when every account of a job last ended a run so; 0.0: one never has."""
        return history.last_end(self._engine, past, exit_codes)

    def unsettled(self, past: Past) -> dict[int, int]:
        """Count the endpoints in doubt of each account that a job ever ran for."""
        return history.unsettled(self._engine, past)

    def run_facts(self, run_ids: Sequence[int]) -> dict[int, RunFacts]:
        """Return kind, rate and length of some runs."""
        return history.run_facts(self._engine, run_ids)

    def failing_fingerprint(self, run_ids: Sequence[int]) -> str:
        """Return a digest of who fails in some runs, and how; "" when nobody does."""
        return history.failing_fingerprint(self._engine, run_ids)

    def failing_rows(self, run_ids: Sequence[int], *, limit: int) -> list[FailingRow]:
        """Return the first rows of some runs that fail."""
        return history.failing_rows(self._engine, run_ids, limit)

    def failing_groups(self, run_ids: Sequence[int], *, limit: int) -> list[FailingGroup]:
        """Return in which ways rows of some runs fail, the most frequent first."""
        return history.failing_groups(self._engine, run_ids, limit)

    def noted(self, job: str) -> Noted | None:
        """Return what is remembered about a job between its rounds; None: nothing."""
        return history.noted(self._engine, job)

    def note(self, job: str, **changes: str | float) -> None:
        """Change what is remembered about a job, by the fields of `Noted`."""
        history.note(self._engine, job, **changes)

    def forget(
        self,
        *,
        run_id: int | None = None,
        older_than: float | None = None,
        job: str | None = None,
    ) -> Forgotten:
        """Erase delivered passwords, of a run or of what is older than so many days, for good."""
        if run_id is not None:
            self.run(run_id)  # says so when there is no such run
        return forget(self._engine, run_id=run_id, older_than=older_than, job=job)

    def note_file(self, job: str, kind: str, path: Path) -> None:
        """Write down that a job wrote a file ("results" or "log")."""
        note_file(self._engine, job, kind, path)

    def old_files(self, job: str, kind: str, days: float) -> list[OldFile]:
        """Return the files of a kind that a job wrote so many days ago, or earlier."""
        return old_files(self._engine, job, kind, days)

    def forget_files(self, numbers: list[int]) -> None:
        """Forget files that are removed, or that are somebody else's by now."""
        forget_files(self._engine, numbers)

    def remove_rows(self, job: str, days: float) -> int:
        """Remove the rows of a job's runs that ended so many days ago; return how many runs."""
        return remove_rows(self._engine, job, days)

    def rekey(self, key: str | None = None) -> int:
        """Encrypt every password anew under another key; return how many there were.

        Args:
            key: the new key in base64; None: a new one, in the key file.

        Raises:
            AccountBusyError: a run is going on.
            KeyMismatchError: somebody else has changed the key since this ledger was opened.
        """
        fresh = new_key() if key is None else decoded_key(key, "The new key")

        def keep_new_key() -> None:
            if key is None:
                self._next_key_file.unlink(missing_ok=True)  # of a rekey that came to nothing
                write_key(self._next_key_file, fresh)

        count = reseal_everything(self._engine, self._key, fresh, keep_new_key)
        self._key = fresh
        if key is None:
            with contextlib.suppress(FileNotFoundError):  # whoever opened it meanwhile did this
                self._next_key_file.replace(self.key_file)
        return count

    def copy(self, path: Path) -> Ledger:
        """Copy it as it is now, for a rehearsal; nobody holds an account of the copy.

        Args:
            path: a new file, in a folder that nobody else can read.

        Raises:
            LedgerError: the copy cannot be written.
        """
        copy_database(self._engine, path)
        return Ledger(str(path), encoded_key(self._key))

    def confirm_key(self) -> None:
        """See that the ledger was not given another key since it was opened.

        Raises:
            KeyMismatchError: it was; what we would write nobody could read.
        """
        with self._engine.connect().execution_options(**READS) as connection:
            made_with = connection.scalar(_KEY_ID)
        if made_with != key_id(self._key):
            raise KeyMismatchError(
                "The ledger was given another key while this run waited.",
                "Run the same command again.",
            )

    @property
    def _next_key_file(self) -> Path:
        return self.key_file.with_name(f"{self.key_file.name}.next")

    def _finish_rekey(self, made_with: str) -> None:
        """Put the new key in place, if a rekey was killed between its commit and that."""
        with contextlib.suppress(FileNotFoundError):
            text = self._next_key_file.read_text("ascii")
            if key_id(decoded_key(text, str(self._next_key_file))) == made_with:
                self._next_key_file.replace(self.key_file)

    def _vault(self, appid: int, base_url: str) -> Vault:
        return Vault(self._key, f"{appid} {base_url}")

    def _checked_key(self, text: str | None) -> bytes:
        """Load the key, and compare it with the one that the ledger was made with."""
        with self._engine.connect().execution_options(**READS) as connection:
            made_with = connection.scalar(_KEY_ID)
        if made_with is not None and text is None:
            self._finish_rekey(made_with)
        key = load_key(text, self.key_file, may_create=made_with is None)
        if made_with is None:
            with self._engine.begin() as connection:
                made_with = connection.scalar(_KEY_ID)  # another process may have been first
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


def _account_id(appid: int, base_url: str) -> sa.Select[Any]:
    return sa.select(accounts.c.id).where(
        accounts.c.appid == appid, accounts.c.base_url == base_url
    )
