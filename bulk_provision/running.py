"""A run while it goes, from its lease to its last outcome.

What a run does is a `Work`: where its rows come from, and what calls each of them needs. To create
what a source asks for is one (`Provisioning`); everything else here is the same for all.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from bulk_provision import failpoints
from bulk_provision.calling import Tools
from bulk_provision.control import Progress
from bulk_provision.drain import Drain
from bulk_provision.errors import (
    AccountBusyError,
    AccountingError,
    LeaseLostError,
    LedgerError,
    LedgerWriteError,
    ProvisionError,
    SourceError,
    StoppedError,
)
from bulk_provision.filling import Filling, choose
from bulk_provision.limits import limits_passed
from bulk_provision.listing import ListReader
from bulk_provision.model import ExitCode, Outcome
from bulk_provision.pace import Halt, Halted, Pacer
from bulk_provision.plan import Action, plan_of
from bulk_provision.staged import Staged
from bulk_provision.ways import Way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bulk_provision.control import Control, Watcher
    from bulk_provision.ledger import Book, Lease, Ledger, Listings, OpenRow
    from bulk_provision.model import Account, Caution, Pace
    from bulk_provision.piopiy import Sender
    from bulk_provision.plan import Plan, Policy, Step
    from bulk_provision.staged import Stop

_PROGRESS_EVERY = 0.5  # seconds


@contextlib.contextmanager
def nothing_called() -> Iterator[None]:
    """Tell a ledger's troubles before the first call as what they are: nothing was done."""
    try:
        yield
    except LedgerWriteError as problem:
        raise LedgerError(problem.what, problem.cure) from problem


class Work(Protocol):
    """What a run does."""

    @property
    def policy(self) -> Policy:
        """What is done about usernames that exist."""
        ...

    def begin(self, book: Book, pace: Pace, *, job: str, only_planned: bool) -> int:
        """Begin the run in the ledger; return its number."""
        ...

    def stage(self, book: Book, run_id: int, interrupted: Callable[[], bool]) -> Staged:
        """Write its rows into the ledger, each settled or with what it needs.

        Raises:
            SourceError: they cannot be read to the end; nothing was called.
        """
        ...

    def step_for(self, row: OpenRow, book: Book) -> Step:
        """Say what an open row needs first."""
        ...


@dataclass(kw_only=True, slots=True)
class Run:
    """A run from its lease to its last outcome; the results are written by whoever started it."""

    work: Work
    ledger: Ledger
    account: Account
    pace: Pace
    caution: Caution
    watcher: Watcher
    control: Control
    started_at: float
    book: Book
    job: str = ""
    run_id: int = 0
    staged: Staged = field(default_factory=Staged)
    halt: Halt | None = None
    journal_is_whole: bool = True
    planned: Plan | None = None
    reader: ListReader | None = None  # while the vendor's list is read
    later: dict[Outcome, int] = field(default_factory=dict)  # rows left for a later wave

    async def go(self, wait: float, lease_seconds: float, sender: Sender | None) -> None:
        """Take the account, stage the source, make the calls, close the run."""
        lease = self.book.lease(
            wait=wait,
            seconds=lease_seconds,
            on_wait=self.watcher.waiting,
            gave_up=lambda: self.control.halt is not None,
        )
        with self._interruptible(), nothing_called():
            await self._take(lease)
        try:
            with nothing_called():
                await asyncio.to_thread(self.ledger.confirm_key)
                self.planned = await asyncio.to_thread(self._stage)
            self._tell_planned(self.planned)
            self.halt = await asyncio.to_thread(self._held_back)
            if self.halt is None:
                await self._drain(lease, sender)
            await asyncio.to_thread(self._close)
        finally:
            await asyncio.to_thread(lease.__exit__)

    async def _take(self, lease: Lease) -> None:
        """Take the lease in a thread; whoever cancels us meanwhile must not leave it taken."""
        taking = asyncio.ensure_future(asyncio.to_thread(lease.__enter__))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            self.control.stop(Halt(ExitCode.INTERRUPTED, "cancelled"))  # ends the waiting
            with contextlib.suppress(ProvisionError):
                await taking
                await asyncio.to_thread(lease.__exit__)
            raise

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let whoever interrupts the waiting for the account hear of that, not of the holder."""
        try:
            yield
        except AccountBusyError as problem:
            if self.control.halt is None:
                raise
            raise StoppedError(self.control.halt.reason, self.control.halt.exit_code) from problem

    def _stage(self) -> Plan:
        self.book.close_dead_runs()
        self.run_id = self.work.begin(self.book, self.pace, job=self.job, only_planned=False)
        try:
            self.staged = self.work.stage(
                self.book, self.run_id, lambda: self.control.halt is not None
            )
            _obey(self.staged.stops)
        except (SourceError, StoppedError) as problem:  # nothing was called
            self.book.close_open_rows(self.run_id, "its source cannot be run as it is")
            self.book.end_run(
                self.run_id,
                state=_state(problem.exit_code),
                reason=problem.what,
                exit_code=problem.exit_code,
                rows_read=0,
                warnings=(),
            )
            raise
        if not self.staged.interrupted:
            self.book.all_staged(self.run_id)
        return plan_for(self.work, self.book, self.run_id, self.pace, self.caution.wave)

    def _tell_planned(self, planned: Plan) -> None:
        self.watcher.planned(self.run_id, self.staged, planned)

    def _held_back(self) -> Halt | None:
        """Say why nothing may be called, if so."""
        if self.staged.interrupted:
            return self.control.halt
        passed = limits_passed(self.book, self.run_id, self.caution)
        return Halt(ExitCode.LIMIT_PASSED, passed) if passed else None

    async def _drain(self, lease: Lease, sender: Sender | None) -> None:
        journal = self.book.journal(self.run_id, lease.token)
        pacer = Pacer(self.pace, lease, held_back=min(lease.held_back, self.pace.patience))
        lease.owed = pacer.owed
        began = time.monotonic()
        try:
            async with contextlib.AsyncExitStack() as stack:
                if sender is None:
                    sender = await stack.enter_async_context(self._local_sender())
                seats = asyncio.Semaphore(self.pace.concurrency)
                tools = Tools(self.book, journal, sender, pacer, self.pace, self.work.policy, seats)
                reporting = asyncio.create_task(self._report(pacer, began))
                stack.callback(reporting.cancel)
                await self._call(tools, lease.token)
        except (LedgerWriteError, LeaseLostError) as problem:
            pacer.stop(Halt(ExitCode(problem.exit_code), problem.what))
            self.journal_is_whole = False
        finally:
            await journal.close()
        if self.journal_is_whole:  # what came last is told, too
            await self._tell_progress(pacer, began)
        self.halt = pacer.halt

    async def _call(self, tools: Tools, token: int) -> None:
        """Make the calls of this run."""
        with contextlib.suppress(Halted):
            await self._fill(tools, token)
        if self.caution.wave is not None:
            self.later = await asyncio.to_thread(
                self.book.leave_for_later, self.run_id, self.caution.wave
            )
        drain = Drain(tools, self.run_id, self.work.step_for, self.caution.canary)
        with self.control.over(tools.pacer, drain):
            await drain.run()

    async def _fill(self, tools: Tools, token: int) -> None:
        """Let the vendor's list tell what it can, if that is the way to take."""
        assert self.planned is not None
        choice = self.planned.way
        if choice is None or choice.way is Way.ROWS:
            return
        listings = self.book.listings(token)
        new = _to_create(self.planned)
        with self._reading(tools, listings) as reader:
            filled = await Filling(tools, listings, reader, self.run_id, new).fill(choice)
        if filled.problem is not None:
            self.staged.tell([filled.problem])
        self.watcher.listed(filled)

    @contextlib.contextmanager
    def _reading(self, tools: Tools, listings: Listings) -> Iterator[ListReader]:
        """Give the reader of the vendor's list, and let it be stopped while the block lasts."""
        self.reader = ListReader(tools, listings)
        try:
            with self.control.over(tools.pacer, self.reader):
                yield self.reader
        finally:
            self.reader = None

    def _local_sender(self) -> contextlib.AbstractAsyncContextManager[Sender]:
        from bulk_provision.piopiy.sender import LocalSender  # noqa: PLC0415 - aiohttp: 0.4 s

        return LocalSender(
            self.account,
            timeout=self.pace.timeout,
            connect_timeout=self.pace.connect_timeout,
        )

    async def _report(self, pacer: Pacer, began: float) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_EVERY)
            await self._tell_progress(pacer, began)

    async def _tell_progress(self, pacer: Pacer, began: float) -> None:
        counts = await asyncio.to_thread(self.ledger.outcomes, self.run_id)
        for outcome, count in self.later.items():
            counts[outcome] = counts.get(outcome, 0) - count
        self.watcher.progressed(
            Progress(
                self.run_id,
                self.staged.rows,
                {outcome: n for outcome, n in counts.items() if outcome is not None and n},
                pacer.calls,
                time.monotonic() - began,
                pacer.waits,
                (self.reader.page, self.reader.pages) if self.reader else None,
                sum(self.later.values()),
            )
        )

    def _close(self) -> None:
        """Give every row its outcome, and see that the rows add up.

        A ledger that cannot be written, or an account that was taken over, leaves that to the
        next run: to it this run is a dead one.
        """
        failpoints.reach("run-closing")
        reason = self.halt.reason if self.halt else "some rows could not be processed"
        try:
            if self.journal_is_whole:  # else an intent may have been sent, its outcome lost
                self.book.withdraw_intents(self.run_id)
            self.book.close_open_rows(self.run_id, reason)
            exit_code = self.exit_code(self._checked_outcomes())
            self.book.end_run(
                self.run_id,
                state=_state(exit_code),
                reason=self.halt.reason if self.halt else "",
                exit_code=exit_code,
                rows_read=self.staged.rows,
                warnings=self.staged.warnings,
            )
        except LedgerWriteError:
            if self.halt is None:
                raise
        failpoints.reach("run-closed")

    def _checked_outcomes(self) -> dict[Outcome | None, int]:
        """Count the outcomes: each row read has exactly one (promise 1)."""
        outcomes = self.ledger.outcomes(self.run_id)
        accounted = sum(count for outcome, count in outcomes.items() if outcome is not None)
        if accounted != self.staged.rows or None in outcomes:
            raise AccountingError(
                f"{self.staged.rows} rows were read, but {accounted} have an outcome "
                f"(run {self.run_id}).",
                "This is a bug in bulk-provision: please report it, with the ledger's run.",
            )
        return outcomes

    def exit_code(self, outcomes: Mapping[Outcome, int] | Mapping[Outcome | None, int]) -> ExitCode:
        """Tell how the run ended, by what became of its rows."""
        if self.halt is not None:
            return self.halt.exit_code
        counts = {outcome: count for outcome, count in outcomes.items() if count}
        if counts.get(Outcome.UNPROCESSED, 0) > self.later.get(Outcome.UNPROCESSED, 0):
            return ExitCode.STOPPED
        if counts.keys() & {Outcome.FAILED, Outcome.INVALID, Outcome.IN_DOUBT}:
            return ExitCode.SOME_ROWS
        return ExitCode.DONE


def plan_for(work: Work, book: Book, run_id: int, pace: Pace, wave: int | None = None) -> Plan:
    """Say what a staged run does: how many calls, and which way it takes to what exists."""
    planned = plan_of(*book.planned(run_id), pace.rate, wave)
    return replace(planned, way=choose(book, work.policy, _to_create(planned)))


def _to_create(planned: Plan) -> int:
    """Count the rows that a run creates, as far as the ledger knows: at most its wave's."""
    new = planned.actions.get(Action.CREATE, 0)
    return new if planned.wave is None else min(new, planned.wave)


def _obey(stops: Sequence[Stop]) -> None:
    """Raise SourceError when the source's rows, all together, must not be run."""
    if stops:
        what = " ".join(stop.what for stop in stops)
        cures = dict.fromkeys(stop.cure for stop in stops)
        raise SourceError(f"{what} Nothing was called.", " ".join(cures))


def _state(exit_code: int) -> str:
    if exit_code in (ExitCode.DONE, ExitCode.SOME_ROWS):
        return "done"
    return "interrupted" if exit_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED) else "stopped"
