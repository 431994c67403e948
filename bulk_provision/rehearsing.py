"""A rehearsal: a whole run against the emulated vendor, with the account's real state.

    the vendor ── list_sip ──▶ the list ─┬─▶ an emulated vendor who holds the same ◀─ every call
    the ledger ── copied ────────────────┴─▶ a ledger that goes in the end         ◀─ every record

The real account is held (its lease, its pace) while its list is read and its ledger copied. From
there on nothing real is touched: the vendor is an object in this process, without a socket (it
knows the account's passwords), and what is written is written into the copy. In the ledger itself
stays that its list was read, as a run of the kind "reconcile"; nothing about any endpoint.

This is the one room that knows both the client and the sandbox; they do not know each other.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple, Self

from bulk_provision.checks import Rules
from bulk_provision.errors import LedgerError, ListError, RehearsalError
from bulk_provision.model import Caution, ExitCode, Outcome, Rehearsal
from bulk_provision.pace import Halt, Halted
from bulk_provision.passwords import REHEARSED
from bulk_provision.piopiy import Reply
from bulk_provision.reconciling import Comparing
from bulk_provision.running import Run, nothing_called

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from bulk_provision.calling import Tools
    from bulk_provision.control import Control, Watcher
    from bulk_provision.ledger import Book, Ledger, Listings
    from bulk_provision.listing import Listing
    from bulk_provision.model import Account, Pace
    from bulk_provision.piopiy import Request, Sender
    from bulk_provision.plan import Plan, Policy
    from bulk_provision.sandbox import Vendor

_HANDS = 100  # calls at once: an answer takes no time, but a commit of the copy does
_SECRET = "rehearsal"  # noqa: S105  of the emulated account: it opens nothing


@dataclass(slots=True)
class StandIn:
    """What stands in an account's place while it is rehearsed.

    Args:
        ledger: a copy.
        vendor: emulated; it holds what the real one does.
        listing: what was read of the real one's list; None: it was not read.
        list_calls: that this took.
        calls: that rehearsed runs have made so far.
    """

    ledger: Ledger
    vendor: Vendor
    listing: Listing | None
    list_calls: int = 0
    calls: int = 0


class Stage:
    """Where runs are rehearsed, one after the other: a private folder, which goes in the end.

    A round's runs share it: what the first creates, the second finds.

    Raises:
        LedgerError: on entering: there is no place for it.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._stand_ins: dict[tuple[int, str], StandIn] = {}

    def __enter__(self) -> Self:
        try:
            made = TemporaryDirectory(prefix="bulk-provision-rehearsal-")  # mode 0700
        except OSError as problem:
            raise LedgerError(
                f"There is no place for a rehearsal's files: {problem}.",
                "Name a folder for temporary files in the variable TMPDIR.",
            ) from problem
        self._folder = Path(self._stack.enter_context(made))
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def stand_in(self, account: Account) -> StandIn | None:
        """Return what stands in an account's place; None: it has to be prepared first."""
        return self._stand_ins.get((account.appid, account.base_url))

    def put(
        self, account: Account, vendor: Vendor, ledger: Ledger, listing: Listing | None
    ) -> None:
        """Let a copy of the ledger and an emulated vendor stand in an account's place.

        Args:
            account: the real one; it is held meanwhile.
            vendor: emulated.
            ledger: the real one.
            listing: what was read of the real vendor's list; None: nothing.

        Raises:
            LedgerError: the ledger cannot be copied.
        """
        copy = ledger.copy(self._folder / f"{secrets.token_hex(8)}.db")
        self._stack.callback(copy.close)
        self._stand_ins[account.appid, account.base_url] = StandIn(copy, vendor, listing)


def emulated_vendor(account: Account, book: Book, listing: Listing | None) -> Vendor:
    """Return an emulated vendor who holds the endpoints that the real one does.

    Args:
        account: the real one.
        book: its part of the ledger.
        listing: a reading of its list that was not ended yet; None: the ledger has to do.
    """
    from bulk_provision.sandbox import EndpointStore, Vendor  # noqa: PLC0415 - aiohttp: 0.4 s

    unknown = secrets.token_urlsafe()  # no password of anybody
    known = book.at_vendor(listing.id if listing else None)
    held = ((username, password or unknown) for username, password in known)
    return Vendor(account.appid, _SECRET, EndpointStore(existing=held))


@dataclass(kw_only=True, slots=True)
class ReadingRun(Run):
    """A run that reads the vendor's list, and makes no other call; the ledger learns nothing."""

    stage: Stage

    def _tell_planned(self, planned: Plan) -> None:
        """Tell nothing: it has no rows."""

    async def _call(self, tools: Tools, token: int) -> None:
        listings = self.book.listings(token)
        try:
            with suppress(Halted), self._reading(tools, listings) as reader:
                first = await reader.first_page()
                rate = self.pace.rate
                seconds = None if rate is None else reader.pages / rate
                self.watcher.rehearsing(first.total, reader.pages, seconds)
                listing = await reader.read()
                await asyncio.to_thread(self._use, listings, listing)
        except (ListError, LedgerError) as problem:
            tools.pacer.stop(Halt(ExitCode(problem.exit_code), problem.what.rstrip(".")))

    def copy_only(self, wait: float, lease_seconds: float) -> None:
        """Copy the ledger while no other run changes it; nothing is called."""
        self.watcher.rehearsing(None, 0, None)
        lease = self.book.lease(
            wait=wait,
            seconds=lease_seconds,
            on_wait=self.watcher.waiting,
            gave_up=lambda: self.control.halt is not None,
        )
        with lease:
            vendor = emulated_vendor(self.account, self.book, None)
            self.stage.put(self.account, vendor, self.ledger, None)

    def _use(self, listings: Listings, listing: Listing) -> None:
        """Let what was read stand in the account's place; the copy knows nothing of it."""
        vendor = emulated_vendor(self.account, self.book, listing)
        listings.end(listing.id)
        self.stage.put(self.account, vendor, self.ledger, listing)


@dataclass(kw_only=True, slots=True)
class RehearsedRun(Run):
    """A run against a stand-in; it tells how long the real one takes."""

    rate: float | None

    def _tell_planned(self, planned: Plan) -> None:
        seconds = None if self.rate is None else planned.calls / self.rate
        self.watcher.planned(self.run_id, self.staged, replace(planned, seconds=seconds))


async def prepare(
    stage: Stage,
    account: Account,
    ledger: Ledger,
    *,
    reads: bool,
    pace: Pace,
    wait: float,
    lease_seconds: float,
    watcher: Watcher,
    control: Control,
    sender: Sender | None,
) -> StandIn:
    """Prepare what stands in an account's place: hold it, read its list, copy its ledger.

    Args:
        stage: where it will stand.
        account: the real one.
        ledger: the real one.
        reads: False: the list is not read, and the ledger has to do.
        pace: of the reading.
        wait: seconds to wait while another run holds the account.
        lease_seconds: for how long it is held without a sign of life.
        watcher: is told how it goes.
        control: stops it from outside.
        sender: makes the calls; None: aiohttp.

    Raises:
        ProvisionError: it cannot be prepared.
    """
    with nothing_called():
        book = await asyncio.to_thread(ledger.book, account.appid, account.base_url)
    reading = ReadingRun(
        work=Comparing(None, Rules()),  # without a source, it has no rows
        ledger=ledger,
        account=account,
        pace=pace,
        caution=Caution(),
        watcher=watcher,
        control=control,
        started_at=time.time(),
        book=book,
        stage=stage,
    )
    if reads:
        await reading.go(wait, lease_seconds, sender)
    else:
        await asyncio.to_thread(reading.copy_only, wait, lease_seconds)
    stand_in = stage.stand_in(account)
    if reading.halt is not None or stand_in is None:
        halt = reading.halt or Halt(ExitCode.STOPPED, "there is nothing of it")
        raise RehearsalError(halt.reason, halt.exit_code)
    if reads:
        stand_in.list_calls = (await asyncio.to_thread(ledger.run, reading.run_id)).calls
    return stand_in


def rehearsed_policy(policy: Policy) -> Policy:
    """Return a run's policy for its rehearsal: passwords are not made."""
    return replace(policy, recipe=REHEARSED)


def rehearsed_pace(pace: Pace) -> Pace:
    """Return a run's pace for its rehearsal: nobody is there to be spared."""
    return replace(pace, rate=None, concurrency=max(pace.concurrency, _HANDS))


class Until(NamedTuple):
    """A deadline.

    Args:
        seconds: from the beginning on; None: there is none.
        text: as it was asked for.
    """

    seconds: float | None = None
    text: str = ""

    def calls(self, rate: float | None) -> int | None:
        """Return how many calls can be made before it; None: any number, or nobody can tell."""
        if self.seconds is None or rate is None:
            return None
        return int(self.seconds * rate)


class EmulatedSender:
    """Makes the calls of a rehearsal: each is an answer of the stand-in's vendor, in no time.

    Args:
        stand_in: whose vendor.
        account: whose app id calls.
        until: stops the run when so many calls were made that it would have passed.
        rate: calls a second of the real run; None for no limit.
        control: over the run.
    """

    def __init__(
        self,
        stand_in: StandIn,
        account: Account,
        until: Until,
        rate: float | None,
        control: Control,
    ) -> None:
        self._stand_in = stand_in
        self._credentials = {"appid": account.appid, "secret": _SECRET}
        self._most = until.calls(rate)
        self._control = control
        self._halt = Halt(ExitCode.DEADLINE, f"the deadline ({until.text}) would pass")
        self._calls = 0  # about somebody
        self._called: set[str] = set()

    @property
    def calls_a_row(self) -> float:
        """How many calls a row took that took any."""
        return self._calls / len(self._called) if self._called else 1.0

    async def send(self, request: Request, turn: Callable[[], Awaitable[None]]) -> Reply:
        """Make a call; see `Sender.send`."""
        if self._most is not None and self._stand_in.calls >= self._most:
            self._control.stop(self._halt)
        self._stand_in.calls += 1
        try:
            await turn()
        except BaseException:
            self._stand_in.calls -= 1
            raise
        await asyncio.sleep(0)  # others have their say, as they have while a network is waited for
        if request.username:
            self._calls += 1
            self._called.add(request.username)
        answer = self._stand_in.vendor.perform(
            request.call, {**self._credentials, **request.fields()}
        )
        told = {name: value for name, value in answer.fields.items() if name != "connect_URL"}
        body = json.dumps({"code": f"cmi-{answer.code}", **told}).encode()
        return Reply(sent=True, status=200, body=body)


def told_by(
    run: RehearsedRun, stand_in: StandIn, sender: EmulatedSender, until: Until
) -> Rehearsal:
    """Say what a rehearsal that has ended tells of the real run."""
    record = run.ledger.run(run.run_id)
    left = record.outcomes[Outcome.UNPROCESSED]
    halted = None if run.halt is None else run.halt.exit_code
    calls = record.calls
    if halted is not ExitCode.LIMIT_PASSED:  # which ends the real run there, too
        calls += round(left * sender.calls_a_row)  # of those that it did not come to
    listing = stand_in.listing
    return Rehearsal(
        calls=calls,
        seconds=None if run.rate is None else calls / run.rate,
        rate=run.rate,
        listed=None if listing is None else listing.total,
        list_calls=stand_in.list_calls,
        until_deadline=record.rows - left if halted is ExitCode.DEADLINE else None,
        notes=tuple(_notes(run, listing, until)),
    )


def _notes(run: RehearsedRun, listing: Listing | None, until: Until) -> Iterator[str]:
    if listing is None:
        yield (
            "TeleCMI's list was not read (--reconcile never): who is there was taken from the "
            "ledger, and whom it does not know may exist all the same."
        )
    elif not listing.is_settled:
        yield (
            "TeleCMI's list kept moving while it was read: whom it did not name may exist all "
            "the same."
        )
    if until.seconds is not None and run.rate is None:
        yield (
            f"The deadline ({until.text}) was not rehearsed: without a limit on the rate nobody "
            "can tell how far a run comes."
        )
