"""The vendor's own list in the ledger: while it is read, what is made of it, what it contradicts.

A listing is one reading. Its rows are kept only until they have been used; they hold every
password of the account. What stays is how many endpoints there were, for the next plan.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from bulk_provision import failpoints
from bulk_provision.errors import LeaseLostError
from bulk_provision.ledger.drift import Beside, drifts, in_doubt, last_sources
from bulk_provision.ledger.opening import READS
from bulk_provision.ledger.schema import LISTED, State, endpoints, leases, listed, listings, rows
from bulk_provision.ledger.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.engine import Connection, Engine

    from bulk_provision.ledger.vault import Vault
    from bulk_provision.model import Drift

_PAGE = 1000
_STAYS_TRUE = 3600.0  # seconds: an older reading is not taken up again

_COMPARED = Statement(
    "username text, compared text",
    """UPDATE endpoints SET compared = given.compared FROM given
       WHERE endpoints.account_id = :account_id AND endpoints.username = given.username""",
)
_DECIDED = Statement(
    "seq integer, action text, outcome text, code text, message text, tip text",
    """UPDATE rows SET action = coalesce(given.action, rows.action), outcome = given.outcome,
         code = given.code, message = given.message, tip = given.tip
       FROM given WHERE rows.run_id = :run_id AND rows.seq = given.seq AND rows.outcome IS NULL""",
)


class Begun(NamedTuple):
    """A reading that was broken off."""

    id: int
    next_page: int


class Decided(NamedTuple):
    """What the list made of an open row: settled, or with another action.

    One that is settled keeps its action: it is news of this run, not what the ledger remembered.
    """

    seq: int
    action: str | None
    outcome: str | None = None
    code: str = ""
    message: str = ""
    tip: str = ""


class Listings:
    """An account's readings of the vendor's list, for whoever holds its lease.

    Args:
        engine: the ledger's connections.
        account_id: the account in the ledger.
        vault: opens and seals its passwords.
        token: of the lease: everything that is written here checks it first.
    """

    def __init__(self, engine: Engine, account_id: int, vault: Vault, token: int) -> None:
        self._engine = engine
        self._account_id = account_id
        self._token = token
        self.vault = vault

    def broken_off(self, count: int) -> Begun | None:
        """Return the reading that can be taken up again, if there is one.

        Args:
            count: endpoints on the list now: a reading of another count is of another list.
        """
        found = (
            sa.select(listings.c.id, listings.c.next_page)
            .where(
                listings.c.account_id == self._account_id,
                listings.c.ended_at.is_(None),
                listings.c.started_at > time.time() - _STAYS_TRUE,
                listings.c.count == count,
            )
            .order_by(listings.c.id.desc())
            .limit(1)
        )
        with self._engine.connect().execution_options(**READS) as connection:
            row = connection.execute(found).one_or_none()
        return None if row is None else Begun(*row)

    def begin(self, count: int) -> int:
        """Begin a reading; what earlier ones left behind is erased. Return its number."""
        with self._engine.begin() as connection:
            self._check_fence(connection)
            of_account = sa.select(listings.c.id).where(listings.c.account_id == self._account_id)
            connection.execute(sa.delete(listed).where(listed.c.listing_id.in_(of_account)))
            connection.execute(
                sa.delete(listings).where(
                    listings.c.account_id == self._account_id, listings.c.ended_at.is_(None)
                )
            )
            result = connection.execute(
                sa.insert(listings).values(
                    account_id=self._account_id, started_at=time.time(), count=count, next_page=1
                )
            )
            assert result.inserted_primary_key is not None
            return int(result.inserted_primary_key[0])

    def distinct(self, listing_id: int) -> int:
        """Count the usernames that a reading has found."""
        counted = sa.select(sa.func.count()).where(listed.c.listing_id == listing_id)
        with self._engine.connect().execution_options(**READS) as connection:
            return connection.scalar(counted) or 0

    def asked_for(self, run_id: int, usernames: Sequence[str]) -> int:
        """Count those of the usernames that an open row of a run asks for."""
        asked = sa.select(sa.func.count(rows.c.username.distinct())).where(
            rows.c.run_id == run_id, rows.c.outcome.is_(None), rows.c.username.in_(usernames)
        )
        with self._engine.connect().execution_options(**READS) as connection:
            return connection.scalar(asked) or 0

    def know(self, run_id: int, usernames: Sequence[str]) -> int:
        """Write down that usernames exist; return how many the ledger did not know."""
        now = time.time()
        with self._engine.begin() as connection:
            self._check_fence(connection)
            shared = {"account_id": self._account_id, "run_id": run_id, "now": now}
            before = self._count_endpoints(connection)
            _KNOW.many(connection, [(name,) for name in usernames], **shared)
            return self._count_endpoints(connection) - before

    def use(
        self,
        listing_id: int,
        run_id: int,
        compare: Callable[[str, str, str], str] | None = None,
    ) -> int:
        """Let the ledger know all usernames of a reading; return how many it did not know.

        What it knows already stays as it is: what is ours, in doubt, or somebody else's. All of it
        is one transaction, so that a run that is killed has either known nothing or everything.

        Args:
            listing_id: the reading.
            run_id: whose open rows are compared.
            compare: given username, the source's password and the vendor's, returns what the
                ledger keeps of the comparison; None: nothing is compared.
        """
        with self._engine.begin() as connection:
            self._check_fence(connection)
            found = connection.execute(
                _KNOW_LISTED,
                {
                    "account_id": self._account_id,
                    "run_id": run_id,
                    "now": time.time(),
                    "listing_id": listing_id,
                },
            ).rowcount
            if compare is not None:
                self._compare(connection, listing_id, run_id, compare)
        failpoints.reach("list-used")
        return found

    def end(self, listing_id: int) -> None:
        """Erase a reading that was used; how many endpoints there were is kept."""
        with self._engine.begin() as connection:
            self._check_fence(connection)
            connection.execute(sa.delete(listed).where(listed.c.listing_id == listing_id))
            connection.execute(
                sa.update(listings).where(listings.c.id == listing_id).values(ended_at=time.time())
            )

    def decide(self, run_id: int, decided: Sequence[Decided]) -> None:
        """Write down what the list made of open rows."""
        with self._engine.begin() as connection:
            self._check_fence(connection)
            _DECIDED.many(connection, decided, run_id=run_id)

    @contextlib.contextmanager
    def drift(
        self, listing_id: int, run_id: int | None, *, is_whole: bool
    ) -> Iterator[tuple[Iterator[Drift], int]]:
        """Compare a reading with a source and the ledger; all at one moment.

        Args:
            listing_id: the reading.
            run_id: whose rows are the source; None: those of the newest run of each source.
            is_whole: whether what the list does not name is known not to exist.

        Yields:
            What differs, and how many endpoints are in doubt.
        """
        with self._engine.connect().execution_options(**READS) as connection:
            self._check_fence(connection)
            of_last = [run_id] if run_id else last_sources(connection, self._account_id)
            beside = Beside(self._account_id, listing_id, of_last, is_whole)
            doubts = in_doubt(connection, self._account_id)
            yield drifts(connection, self.vault, beside), doubts

    def _compare(
        self,
        connection: Connection,
        listing_id: int,
        run_id: int,
        compare: Callable[[str, str, str], str],
    ) -> None:
        page = (
            sa.select(rows.c.seq, rows.c.username, rows.c.sealed, listed.c.sealed)
            .join(
                listed,
                (listed.c.listing_id == listing_id) & (listed.c.username == rows.c.username),
            )
            .join(
                endpoints,
                (endpoints.c.account_id == self._account_id)
                & (endpoints.c.username == rows.c.username),
            )
            .where(
                rows.c.run_id == run_id,
                rows.c.outcome.is_(None),
                endpoints.c.state == State.EXISTS,
            )
            .order_by(rows.c.seq)
            .limit(_PAGE)
        )
        after = 0
        while found := connection.execute(page.where(rows.c.seq > after)).all():
            _COMPARED.many(
                connection,
                [
                    (name, compare(name, self._opened(name, asked), self._opened(name, held)))
                    for _, name, asked, held in found
                ],
                account_id=self._account_id,
            )
            after = found[-1][0]

    def _count_endpoints(self, connection: Connection) -> int:
        counted = sa.select(sa.func.count()).where(endpoints.c.account_id == self._account_id)
        return connection.scalar(counted) or 0

    def _opened(self, username: str, sealed: str | None) -> str:
        return "" if sealed is None else self.vault.open(username, sealed)

    def _check_fence(self, connection: Connection) -> None:
        held = sa.select(leases.c.token).where(
            leases.c.account_id == self._account_id, leases.c.token == self._token
        )
        if connection.scalar(held) is None:
            raise LeaseLostError(
                "Another run has taken this account over while this one was not responding.",
                "Nothing more was sent from here. Look at the other run's results.",
            )


def last_count(engine: Engine, account_id: int) -> int | None:
    """Return how many endpoints the vendor's list had when it was read last; None: never."""
    newest = (
        sa.select(listings.c.count)
        .where(listings.c.account_id == account_id, listings.c.ended_at.is_not(None))
        .order_by(listings.c.id.desc())
        .limit(1)
    )
    with engine.connect().execution_options(**READS) as connection:
        count: int | None = connection.scalar(newest)
    return count


_KNOWN_NOW = f"""INSERT INTO endpoints (account_id, username, state, doubted, purpose, proof,
         run_id, updated_at)
       SELECT :account_id, username, '{State.EXISTS}', false, 'create', '{LISTED}', :run_id, :now
       """
_KNOW = Statement(
    "username text",
    f"{_KNOWN_NOW} FROM given WHERE true ON CONFLICT (account_id, username) DO NOTHING",
)
_KNOW_LISTED = sa.text(
    f"{_KNOWN_NOW} FROM listed WHERE listing_id = :listing_id "
    "ON CONFLICT (account_id, username) DO NOTHING"
)
