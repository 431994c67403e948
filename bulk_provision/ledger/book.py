"""An account's part of the ledger: its runs, their rows, and what is known of its endpoints."""

from __future__ import annotations

import json
import time
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from bulk_provision.ledger.changes import Change, change_since_last
from bulk_provision.ledger.creations import Creation, creations
from bulk_provision.ledger.journal import Journal
from bulk_provision.ledger.leases import LEASE_SECONDS, Lease, living_holder, started_by
from bulk_provision.ledger.listings import Listings, last_count
from bulk_provision.ledger.opening import READS
from bulk_provision.ledger.plans import PlannedRow, planned_rows
from bulk_provision.ledger.rehearsals import at_vendor
from bulk_provision.ledger.schema import UNSETTLED, State, earlier_passwords, endpoints, rows, runs
from bulk_provision.ledger.statements import Statement
from bulk_provision.ledger.twins import Twin, case_twins, collisions, duplicates, shorter
from bulk_provision.ledger.waves import leave_for_later
from bulk_provision.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy.engine import Engine

    from bulk_provision.ledger.vault import Vault
    from bulk_provision.model import Warned

_PAGE = 1000
_DAY = 86_400.0
_OURS = {State.CREATED: Outcome.UNCHANGED, State.RESET: Outcome.EXISTS}

_STAGE = Statement(
    """seq integer, number integer, username text, sealed text, cells text, action text,
       outcome text, code text, message text, tip text, note text""",
    """INSERT INTO rows (run_id, seq, number, username, sealed, cells, action, outcome, code,
         message, tip, note)
       SELECT :run_id, seq, number, username, sealed, cells, action, outcome, code, message, tip,
         note
       FROM given""",
)
_REFUSE = Statement(
    "seq integer, code text, message text, tip text",
    """UPDATE rows SET outcome = 'invalid', code = given.code, message = given.message,
         tip = given.tip
       FROM given WHERE rows.run_id = :run_id AND rows.seq = given.seq""",
)
_NOTE = Statement(
    "seq integer, note text",
    """UPDATE rows SET note = CASE WHEN rows.note IS NULL THEN given.note
         ELSE rows.note || ' ' || given.note END
       FROM given WHERE rows.run_id = :run_id AND rows.seq = given.seq""",
)


class Known(NamedTuple):
    """What the ledger knows of an endpoint; `sealed` opens with the account's vault."""

    state: State
    sealed: str | None
    doubted: bool
    connect_url: str | None
    compared: str | None
    purpose: str
    proof: str | None
    run_id: int


class StagedRow(NamedTuple):
    """A row of the source, on its way into the ledger: settled, or with the action it needs."""

    seq: int
    number: int
    username: str
    sealed: str | None
    others: tuple[str, ...]
    action: str | None = None
    outcome: Outcome | None = None
    code: str = ""
    message: str = ""
    tip: str = ""
    note: str | None = None


class OpenRow(NamedTuple):
    """A row whose outcome is still to come, with what is known of its endpoint."""

    seq: int
    number: int
    username: str
    sealed: str | None
    known: Known | None


class Refusal(NamedTuple):
    """Why a staged row is refused after all."""

    seq: int
    code: str
    message: str
    tip: str


class Book:
    """What one account's run writes and reads, apart from what its journal writes.

    Args:
        engine: the ledger's connections.
        account_id: the account in the ledger.
        label: the account as people know it.
        vault: seals this account's passwords.
    """

    def __init__(self, engine: Engine, account_id: int, label: str, vault: Vault) -> None:
        self._engine = engine
        self.account_id = account_id
        self.label = label
        self.vault = vault

    def lease(
        self,
        *,
        wait: float,
        seconds: float = LEASE_SECONDS,
        on_wait: Callable[[str], None] = lambda _: None,
        gave_up: Callable[[], bool] = lambda: False,
    ) -> Lease:
        """Return the lease on this account, to be taken with `with`; see `Lease`."""
        return Lease(
            self._engine,
            self.account_id,
            self.label,
            wait=wait,
            seconds=seconds,
            on_wait=on_wait,
            gave_up=gave_up,
        )

    def holder(self) -> str | None:
        """Return who calls for the account now, "user@host, process 4711"; None: nobody."""
        holder = living_holder(self._engine, self.account_id)
        return None if holder is None else holder.name

    def journal(self, run_id: int, token: int) -> Journal:
        """Return the writer of a run's intents and outcomes."""
        return Journal(self._engine, self.account_id, run_id, token)

    def listings(self, token: int) -> Listings:
        """Return the account's readings of the vendor's list, for the holder of its lease."""
        return Listings(self._engine, self.account_id, self.vault, token)

    def last_listed(self) -> int | None:
        """Return how many endpoints the vendor's list had last; None: it was never read."""
        return last_count(self._engine, self.account_id)

    def is_empty(self) -> bool:
        """Tell whether the ledger knows no endpoint at all of this account."""
        of_account = sa.select(endpoints.c.username).where(
            endpoints.c.account_id == self.account_id
        )
        with self._engine.connect().execution_options(**READS) as connection:
            return connection.scalar(of_account.limit(1)) is None

    # -- a run's beginning and end --

    def begin_run(
        self,
        *,
        source: str,
        sheet: str,
        sha256: str,
        columns: Sequence[str],
        rate: float | None,
        job: str = "",
        undoes: int | None = None,
        kind: str = "provision",
        selection: str = "",
        only_planned: bool = False,
    ) -> int:
        """Write down that a run begins (or that one is only planned); return its number."""
        now = time.time()
        with self._engine.begin() as connection:
            result = connection.execute(
                sa.insert(runs).values(
                    account_id=self.account_id,
                    source=source,
                    sheet=sheet,
                    sha256=sha256,
                    columns=json.dumps(list(columns)),
                    started_by=started_by(),
                    started_at=now,
                    ended_at=now if only_planned else None,
                    state="plan" if only_planned else "running",
                    rate=rate,
                    job=job,
                    kind=kind if undoes is None else "undo",
                    undoes=undoes,
                    selection=selection,
                )
            )
            assert result.inserted_primary_key is not None
            return int(result.inserted_primary_key[0])

    def all_staged(self, run_id: int) -> None:
        """Write down that a run's source was read to its end: the next run is compared with it."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(runs).where(runs.c.id == run_id).values(staged_at=time.time())
            )

    def change_since_last(self, run_id: int) -> Change:
        """Compare a staged run with the last one of its job (or of its source) before it."""
        with self._engine.connect().execution_options(**READS) as connection:
            return change_since_last(connection, self.account_id, run_id)

    def end_run(
        self,
        run_id: int,
        *,
        state: str,
        reason: str,
        exit_code: int,
        rows_read: int,
        warnings: Iterable[Warned],
    ) -> None:
        """Write down how a run ended."""
        told = [[warned.text, warned.count, warned.first] for warned in warnings]
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(runs)
                .where(runs.c.id == run_id)
                .values(
                    state=state,
                    reason=reason,
                    exit_code=exit_code,
                    rows_read=rows_read,
                    warnings=json.dumps(told),
                    ended_at=time.time(),
                )
            )

    def close_dead_runs(self, but: int | None = None) -> list[int]:
        """Close runs that ended without a word (killed, power cut): the lease proves them gone.

        Rows that they may have sent are in doubt; the others were not processed.
        """
        with self._engine.begin() as connection:
            dead = connection.scalars(
                sa.select(runs.c.id).where(
                    runs.c.account_id == self.account_id,
                    runs.c.ended_at.is_(None),
                    runs.c.id != (but or 0),
                )
            ).all()
        for run_id in dead:
            self.close_open_rows(run_id, "the program was killed, or its machine went down")
            with self._engine.begin() as connection:
                counted = sa.select(sa.func.count()).where(rows.c.run_id == run_id)
                connection.execute(
                    sa.update(runs)
                    .where(runs.c.id == run_id)
                    .values(
                        state="interrupted",
                        reason="the program was killed, or its machine went down",
                        rows_read=counted.scalar_subquery(),
                        ended_at=time.time(),
                    )
                )
        return list(dead)

    def close_open_rows(self, run_id: int, reason: str) -> None:
        """Give every row without an outcome one: in doubt if a request may have left."""
        of_row = sa.select(endpoints.c.username).where(
            endpoints.c.account_id == self.account_id, endpoints.c.username == rows.c.username
        )
        maybe_sent = of_row.where(endpoints.c.state.in_(UNSETTLED)).exists()
        still_open = sa.update(rows).where(rows.c.run_id == run_id, rows.c.outcome.is_(None))
        with self._engine.begin() as connection:
            kind = connection.scalar(sa.select(runs.c.kind).where(runs.c.id == run_id))
            # To an undo, an endpoint that is still ours is one that it has not come to.
            for state, outcome in _OURS.items() if kind == "provision" else ():
                is_ours = of_row.where(endpoints.c.state == state).exists()
                connection.execute(
                    still_open.where(is_ours).values(
                        outcome=outcome,
                        code="",
                        message=f"Ours from an earlier run; not asked about again: {reason}.",
                        tip="Run the same command again to continue.",
                    )
                )
            connection.execute(
                still_open.where(maybe_sent).values(
                    outcome=Outcome.IN_DOUBT,
                    code="",
                    message=f"A request may have left before the run stopped: {reason}.",
                    tip="Run the same command again: it asks TeleCMI what became of it.",
                )
            )
            connection.execute(
                still_open.values(
                    outcome=Outcome.UNPROCESSED,
                    code="",
                    message=f"The run stopped before this row: {reason}.",
                    tip="Run the same command again to continue.",
                )
            )
            connection.execute(
                sa.update(endpoints)
                .where(
                    endpoints.c.account_id == self.account_id,
                    endpoints.c.state == State.INTENDED,
                    endpoints.c.run_id == run_id,
                )
                .values(state=State.IN_DOUBT, doubted=True)
            )

    def withdraw_intents(self, run_id: int) -> None:
        """Take back this run's intents that never became a request; the passwords stay.

        Only for a run that is still alive and knows that nothing of it is under way.
        """
        # What was to be changed has a working password already: the next run asks which. What was
        # to be removed was read back just before: it is there, and ours.
        is_removal = (endpoints.c.purpose == "remove") & ~endpoints.c.doubted
        unclear = endpoints.c.doubted | endpoints.c.purpose.not_in(["create", "remove"])
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(endpoints)
                .where(
                    endpoints.c.account_id == self.account_id,
                    endpoints.c.state == State.INTENDED,
                    endpoints.c.run_id == run_id,
                )
                .values(
                    state=sa.case(
                        (unclear, State.IN_DOUBT), (is_removal, State.CREATED), else_=State.PLANNED
                    ),
                    doubted=unclear,
                    proof=sa.case((is_removal, "read-back")),
                )
            )

    def discard_plan(self, run_id: int) -> None:
        """Forget a run that was only planned, and plans that were left behind a day ago."""
        old = (runs.c.state == "plan") & (runs.c.started_at < time.time() - _DAY)
        with self._engine.begin() as connection:
            plans = connection.scalars(
                sa.select(runs.c.id).where((runs.c.id == run_id) | old)
            ).all()
            connection.execute(sa.delete(rows).where(rows.c.run_id.in_(plans)))
            connection.execute(sa.delete(runs).where(runs.c.id.in_(plans)))

    # -- rows --

    def known(self, usernames: Sequence[str]) -> dict[str, Known]:
        """Return what is known of those of the given usernames that the ledger has met."""
        found: dict[str, Known] = {}
        with self._engine.connect().execution_options(**READS) as connection:
            for start in range(0, len(usernames), _PAGE):
                some = list(usernames[start : start + _PAGE])
                about_some = {"account_id": self.account_id, "usernames": some}
                for row in connection.execute(_KNOWN, about_some).all():
                    found[row[0]] = Known._make(row[1:])
        return found

    def stage(self, run_id: int, staged: Sequence[StagedRow]) -> None:
        """Write rows of the source into the ledger."""
        # The fields of StagedRow are in the statement's order: hundreds of thousands pass here.
        values = [(*r[:4], _json_list(r.others), *r[5:]) for r in staged]
        with self._engine.begin() as connection:
            _STAGE.many(connection, values, run_id=run_id)

    def planned(self, run_id: int) -> tuple[dict[Outcome, int], dict[str, int]]:
        """Count a staged run's rows: those settled, by outcome, and the open ones, by action."""
        counted = (
            sa.select(rows.c.outcome, rows.c.action, sa.func.count())
            .where(rows.c.run_id == run_id)
            .group_by(rows.c.outcome, rows.c.action)
        )
        settled: dict[Outcome, int] = {}
        actions: dict[str, int] = {}
        with self._engine.connect().execution_options(**READS) as connection:
            for outcome, action, count in connection.execute(counted):
                if outcome is None:
                    actions[action] = actions.get(action, 0) + count
                else:
                    settled[Outcome(outcome)] = settled.get(Outcome(outcome), 0) + count
        return settled, actions

    def planned_rows(self, run_id: int) -> Iterator[PlannedRow]:
        """Yield the rows of a plan in the source's order, without passwords."""
        return planned_rows(self._engine, self.account_id, run_id)

    def leave_for_later(self, run_id: int, size: int) -> dict[Outcome, int]:
        """Let a staged run do so many rows; say how the others end, and how many; see `waves`."""
        with self._engine.begin() as connection:
            return leave_for_later(connection, self.account_id, run_id, size)

    def duplicates(self, run_id: int) -> Iterator[list[Twin]]:
        """Yield, in pages, the rows whose username an earlier row has already."""
        return duplicates(self._engine, run_id)

    def collisions(self, run_id: int) -> Iterator[list[Twin]]:
        """Yield, in pages, all rows whose username another row has too; see `twins`."""
        return collisions(self._engine, run_id)

    def case_twins(self, run_id: int) -> Iterator[list[Twin]]:
        """Yield, in pages, the rows whose username differs from an earlier one only by case."""
        return case_twins(self._engine, run_id)

    def shorter(self, run_id: int, length: int) -> Iterator[list[tuple[int, int, str]]]:
        """Yield, in pages, the seq, number and username of rows with a shorter username."""
        return shorter(self._engine, run_id, length)

    def refuse(self, run_id: int, refusals: Sequence[Refusal]) -> None:
        """Make staged rows invalid."""
        with self._engine.begin() as connection:
            _REFUSE.many(connection, refusals, run_id=run_id)

    def annotate(self, run_id: int, notes: Sequence[tuple[int, str]]) -> None:
        """Add a note (a warning) to rows, given by their seq."""
        with self._engine.begin() as connection:
            _NOTE.many(connection, notes, run_id=run_id)

    def open_rows(self, run_id: int, *, unsettled: bool) -> Iterator[list[OpenRow]]:
        """Yield, in pages, the rows without an outcome.

        Args:
            run_id: whose rows.
            unsettled: True for the rows whose endpoint is in doubt from an earlier run (they come
                first), False for the others.
        """
        in_doubt = sa.func.coalesce(endpoints.c.state, "").in_(UNSETTLED)
        wanted = _ROWS_WITH_ENDPOINTS.where(
            rows.c.run_id == run_id,
            rows.c.outcome.is_(None),
            in_doubt if unsettled else ~in_doubt,
        ).order_by(rows.c.seq)
        after = 0
        while True:
            page = wanted.where(rows.c.seq > after).limit(_PAGE)
            with self._engine.connect().execution_options(**READS) as connection:
                found = connection.execute(page, {"account_id": self.account_id}).all()
            if not found:
                return
            yield [
                OpenRow(seq, number, username, sealed, Known._make(of_endpoint))
                if of_endpoint[0]
                else OpenRow(seq, number, username, sealed, None)
                for seq, number, username, sealed, *of_endpoint in found
            ]
            after = found[-1][0]

    def creations(self, run_id: int) -> Iterator[list[Creation]]:
        """Yield, in pages, what a run of this account created, with what proves it."""
        return creations(self._engine, self.account_id, run_id)

    def at_vendor(self, listing_id: int | None) -> Iterator[tuple[str, str | None]]:
        """Yield who is at the vendor, as far as a reading of its list (or the ledger) can tell.

        Args:
            listing_id: a reading that was not ended yet; None: what the ledger knows.

        Yields:
            A username, and its password; None: nobody here knows it.
        """
        return at_vendor(self._engine, self.account_id, self.vault, listing_id)

    def stray_doubts(self, run_id: int) -> list[tuple[str, Known]]:
        """Return the endpoints in doubt that no open row of this run asks for."""
        asked_for = sa.select(rows.c.username).where(
            rows.c.run_id == run_id, rows.c.outcome.is_(None)
        )
        strays = (
            sa.select(endpoints.c.username, *_KNOWN_COLUMNS)
            .where(
                endpoints.c.account_id == self.account_id,
                endpoints.c.state.in_(UNSETTLED),
                endpoints.c.username.not_in(asked_for),
            )
            .order_by(endpoints.c.username)
        )
        with self._engine.connect().execution_options(**READS) as connection:
            return [(username, Known._make(rest)) for username, *rest in connection.execute(strays)]

    def passwords_sent(self, username: str) -> list[str]:
        """Return every password that a request of ours may have given this username."""
        earlier = sa.select(earlier_passwords.c.sealed).where(
            earlier_passwords.c.account_id == self.account_id,
            earlier_passwords.c.username == username,
        )
        current = sa.select(endpoints.c.sealed).where(
            endpoints.c.account_id == self.account_id,
            endpoints.c.username == username,
            endpoints.c.sealed.is_not(None),
        )
        with self._engine.connect().execution_options(**READS) as connection:
            sealed = [*connection.scalars(current), *connection.scalars(earlier)]
        return [self.vault.open(username, one) for one in sealed]


def _json_list(texts: Iterable[str]) -> str:
    """Return a list of texts as JSON, in a quarter of the time that `json.dumps` takes."""
    return f"[{','.join(map(encode_basestring_ascii, texts))}]"


_KNOWN_COLUMNS = (
    endpoints.c.state,
    endpoints.c.sealed,
    endpoints.c.doubted,
    endpoints.c.connect_url,
    endpoints.c.compared,
    endpoints.c.purpose,
    endpoints.c.proof,
    endpoints.c.run_id,
)
_KNOWN = sa.select(endpoints.c.username, *_KNOWN_COLUMNS).where(
    endpoints.c.account_id == sa.bindparam("account_id"),
    endpoints.c.username.in_(sa.bindparam("usernames", expanding=True)),
)
_ROWS_WITH_ENDPOINTS = sa.select(
    rows.c.seq, rows.c.number, rows.c.username, rows.c.sealed, *_KNOWN_COLUMNS
).join(
    endpoints,
    (endpoints.c.account_id == sa.bindparam("account_id"))
    & (endpoints.c.username == rows.c.username),
    isouter=True,
)
