"""Group commit: one thread writes; whatever is waiting goes into one durable transaction.

A caller hands in an entry and awaits its future, which resolves when the entry is on the disk.
While the disk syncs, and a breath longer, further entries gather; the next transaction takes them
all. So a durable commit costs each row a share of a sync.

Entries become durable in the order in which they were handed in. So nobody needs to wait for an
attempt or an outcome (`note`): whatever intent the caller waits for next (`write`), or `flush`,
carries them along.

Every transaction checks the lease's token first (the fence): once another run has taken the
account over, nothing of ours is written any more, and so nothing of ours may leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from bulk_provision import failpoints
from bulk_provision.errors import LeaseLostError
from bulk_provision.ledger.statements import Statement

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from bulk_provision.ledger.schema import State
    from bulk_provision.model import Outcome

_GROUP = 2000  # entries in a transaction at most: bounds how long a reader's snapshot may lag
_BREATH = 0.005  # seconds between transactions: a fast disk's would hold too little to be worth it


class Intent(NamedTuple):
    """We are about to send a request that gives this username this password, or removes it."""

    username: str
    sealed: str
    doubted: bool
    # "create", "reset" (somebody else's password), "change" (that of our own), or "remove"
    purpose: str
    earlier: str | None = None  # a sealed password that an unanswered request may have set


class Attempt(NamedTuple):
    """A call that was made, and what came of it."""

    username: str
    call: str
    seconds: float
    verdict: str
    code: str
    detail: str


class Settled(NamedTuple):
    """What became of an endpoint, and of the row that asked for it.

    Args:
        seq: the row in this run; None when the endpoint is not in this run's source.
        state: the endpoint's new state.
        proof: what the state rests on: "answer", "read-back", or "acknowledged" (a 200 for our
            username, but with another password: whatever password is there is ours).
        doubted: whether a request may still have had an effect that we did not see.
        sealed: the password the vendor holds, when it is not the one of the intent.
        settles_earlier_runs: whether rows that earlier runs left in doubt are settled with it.
        of_kind: … of runs of this kind: a removal that failed is none that failed to create.
    """

    seq: int | None
    username: str
    outcome: Outcome
    code: str
    message: str
    tip: str
    state: State
    doubted: bool
    proof: str | None = None
    connect_url: str | None = None
    compared: str | None = None
    sealed: str | None = None
    settles_earlier_runs: bool = False
    of_kind: str = "provision"


class ListedPage(NamedTuple):
    """A page of the vendor's list; pages are handed in in their order.

    Args:
        listing_id: the reading that it belongs to.
        page: its number, from 1.
        total: endpoints on all pages, as its answer said.
        entries: usernames with their sealed passwords.
    """

    listing_id: int
    page: int
    total: int
    entries: tuple[tuple[str, str], ...]


Entry = Intent | Attempt | Settled | ListedPage
_Waiting = tuple[tuple[Entry, ...], asyncio.Future[None] | None]

_FENCE = sa.text("SELECT 1 FROM leases WHERE account_id = :account_id AND token = :token")
_INTEND = Statement(
    "username text, sealed text, doubted boolean, purpose text",
    """INSERT INTO endpoints (account_id, username, state, sealed, doubted, purpose, run_id,
         updated_at)
       SELECT :account_id, username, 'intended', sealed, doubted, purpose, :run_id, :now
       FROM given WHERE true
       ON CONFLICT (account_id, username) DO UPDATE SET state = excluded.state,
         sealed = excluded.sealed, doubted = excluded.doubted, purpose = excluded.purpose,
         run_id = excluded.run_id, updated_at = excluded.updated_at, proof = NULL""",
)
_KEEP_EARLIER = Statement(
    "username text, sealed text",
    """INSERT INTO earlier_passwords (account_id, username, sealed)
       SELECT :account_id, username, sealed FROM given""",
)
_ATTEMPT = Statement(
    "username text, call text, seconds float, verdict text, code text, detail text",
    """INSERT INTO attempts (run_id, username, call, ended_at, seconds, verdict, code, detail)
       SELECT :run_id, username, call, :now, seconds, verdict, code, detail FROM given""",
)
_SETTLE_ROW = Statement(
    "seq integer, outcome text, code text, message text, tip text",
    """UPDATE rows SET outcome = given.outcome, code = given.code, message = given.message,
         tip = given.tip
       FROM given WHERE rows.run_id = :run_id AND rows.seq = given.seq""",
)
_SETTLE_ENDPOINT = Statement(
    """username text, state text, doubted boolean, proof text, connect_url text, compared text,
       sealed text""",
    """UPDATE endpoints SET state = given.state, doubted = given.doubted, proof = given.proof,
         connect_url = coalesce(given.connect_url, endpoints.connect_url),
         compared = coalesce(given.compared, endpoints.compared),
         sealed = coalesce(given.sealed, endpoints.sealed), run_id = :run_id, updated_at = :now
       FROM given
       WHERE endpoints.account_id = :account_id AND endpoints.username = given.username""",
)
_SETTLE_EARLIER_RUNS = Statement(
    "username text, outcome text, code text, message text, tip text, kind text",
    """UPDATE rows SET outcome = given.outcome, code = given.code, tip = given.tip,
         message = given.message || ' (settled by run ' || CAST(:run_id AS TEXT) || ')'
       FROM given
       WHERE rows.outcome = 'in_doubt' AND rows.username = given.username AND rows.run_id IN
         (SELECT id FROM runs
          WHERE account_id = :account_id AND id <> :run_id AND runs.kind = given.kind)""",
)

_LIST = Statement(
    "listing_id integer, username text, sealed text, page integer",
    """INSERT INTO listed (listing_id, username, sealed, page)
       SELECT listing_id, username, sealed, page FROM given WHERE true
       ON CONFLICT (listing_id, username) DO UPDATE SET sealed = excluded.sealed,
         page = excluded.page""",
)
_COME_TO = Statement(
    "id integer, count integer, next_page integer",
    """UPDATE listings SET count = given.count, next_page = given.next_page
       FROM given WHERE listings.id = given.id""",
)


class Journal:
    """The only writer of intents, attempts and outcomes while a run drains.

    Args:
        engine: the ledger's connections.
        account_id: whose endpoints are written.
        run_id: the run that writes.
        token: of the lease; every transaction checks that it still holds.
    """

    def __init__(self, engine: Engine, account_id: int, run_id: int, token: int) -> None:
        self._engine = engine
        self._account_id = account_id
        self._run_id = run_id
        self._token = token
        self._waiting: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._broken: Exception | None = None
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._write_groups, name="journal", daemon=True)
        self._thread.start()

    def write(self, *entries: Entry) -> asyncio.Future[None]:
        """Hand in entries that belong together; the future resolves when they are durable.

        The future fails with LeaseLostError, or with LedgerWriteError (disk full, locked, …).
        """
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.put((entries, future))
        return future

    def note(self, *entries: Entry) -> None:
        """Hand in entries that nobody waits for; a failure shows in the next `write` or `flush`."""
        self._waiting.put((entries, None))

    def flush(self) -> asyncio.Future[None]:
        """Return a future that resolves, or fails, when all that was handed in is durable."""
        return self.write()

    async def close(self) -> None:
        """Write what is waiting, and end the thread."""
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _write_groups(self) -> None:
        with contextlib.ExitStack() as stack:
            going_on = True
            while going_on:
                group, going_on = self._next_group()
                if group:
                    self._write_group(group, stack)
                    time.sleep(_BREATH)

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        group: list[_Waiting] = []
        item = self._waiting.get()
        try:
            while item is not None:
                group.append(item)
                if len(group) >= _GROUP:
                    return group, True
                item = self._waiting.get_nowait()
        except Empty:
            return group, True
        return group, False

    def _write_group(self, group: list[_Waiting], stack: contextlib.ExitStack) -> None:
        """Write a group, or pass on to all that wait what keeps us from writing ever again.

        The connection is made with the first group and kept: taking it from the pool and giving it
        back for each was measured at a seventh of the thread's time.
        """
        if self._broken is None:
            entries = [entry for entries, _ in group for entry in entries]
            try:
                if self._connection is None:
                    self._connection = stack.enter_context(self._engine.connect())
                with self._connection.begin():
                    self._check_fence(self._connection)
                    self._apply(self._connection, entries)
                    _pass_fail_points(entries, "committing")
                _pass_fail_points(entries, "committed")
            except Exception as problem:  # noqa: BLE001  (a bug, too, must reach who waits)
                self._broken = problem
        futures = [future for _, future in group if future is not None]
        self._loop.call_soon_threadsafe(_resolve, futures, self._broken)

    def _check_fence(self, connection: Connection) -> None:
        held = {"account_id": self._account_id, "token": self._token}
        if connection.scalar(_FENCE, held) is None:
            raise LeaseLostError(
                "Another run has taken this account over while this one was not responding.",
                "Nothing more was sent from here. Look at the other run's results.",
            )

    def _apply(self, connection: Connection, entries: list[Entry]) -> None:
        of_run = {"run_id": self._run_id, "now": time.time()}
        of_account = {"account_id": self._account_id, "run_id": self._run_id}
        of_endpoints = {"account_id": self._account_id, **of_run}
        intents = [entry for entry in entries if isinstance(entry, Intent)]
        _KEEP_EARLIER.many(
            connection,
            [(i.username, i.earlier) for i in intents if i.earlier is not None],
            account_id=self._account_id,
        )
        _INTEND.many(connection, [intent[:4] for intent in intents], **of_endpoints)
        _ATTEMPT.many(connection, [e for e in entries if isinstance(e, Attempt)], **of_run)
        _apply_pages(connection, [entry for entry in entries if isinstance(entry, ListedPage)])
        settled = [entry for entry in entries if isinstance(entry, Settled)]
        _SETTLE_ROW.many(
            connection,
            [(s.seq, s.outcome, s.code, s.message, s.tip) for s in settled if s.seq is not None],
            run_id=self._run_id,
        )
        _SETTLE_ENDPOINT.many(
            connection,
            [
                (s.username, s.state, s.doubted, s.proof, s.connect_url, s.compared, s.sealed)
                for s in settled
            ],
            **of_endpoints,
        )
        _SETTLE_EARLIER_RUNS.many(
            connection,
            [
                (s.username, s.outcome, s.code, s.message, s.tip, s.of_kind)
                for s in settled
                if s.settles_earlier_runs
            ],
            **of_account,
        )


def _apply_pages(connection: Connection, pages: list[ListedPage]) -> None:
    """Write pages of the vendor's list, and how far its reading has come."""
    last_said = {
        (page.listing_id, username): (sealed, page.page)
        for page in pages
        for username, sealed in page.entries
    }
    _LIST.many(connection, [(*key, *value) for key, value in last_said.items()])
    come_to = {page.listing_id: (page.total, page.page + 1) for page in pages}
    _COME_TO.many(connection, [(key, *value) for key, value in come_to.items()])


def _pass_fail_points(entries: list[Entry], stage: str) -> None:
    if not failpoints.is_armed():
        return
    kinds = {type(entry) for entry in entries}
    for kind, name in ((Intent, "intent"), (Settled, "outcome"), (ListedPage, "page")):
        if kind in kinds:
            failpoints.reach(f"{name}-{stage}")


def _resolve(futures: list[asyncio.Future[None]], problem: Exception | None) -> None:
    for future in futures:
        if future.done():  # cancelled by its waiter
            continue
        if problem is None:
            future.set_result(None)
        else:
            future.set_exception(problem)
