"""`provision()`: the one place that wires source, checks, ledger, pace, calls and results.

The command line, a page or a job file call this and nothing below it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from bulk_provision import failpoints
from bulk_provision import results as results_files
from bulk_provision.checks import Rules
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
from bulk_provision.intake import open_table
from bulk_provision.journey import Tools
from bulk_provision.ledger import LEASE_SECONDS, Ledger
from bulk_provision.model import ExitCode, Outcome, Pace, Summary
from bulk_provision.pace import Halt, Pacer
from bulk_provision.plan import Plan, Policy, plan_of
from bulk_provision.settings import default_ledger
from bulk_provision.staging import Staged, stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulk_provision.intake import Table
    from bulk_provision.ledger import Book, Lease
    from bulk_provision.model import Account, ResultRow, Secret
    from bulk_provision.piopiy import Sender
    from bulk_provision.settings import Settings

_PROGRESS_EVERY = 0.5  # seconds

MARKED_PROBLEMS = 20_000
"""How many problems are marked in a workbook: more comments make spreadsheet programs slow."""


@dataclass(frozen=True, slots=True)
class Source:
    """The input, and how to read it.

    Args:
        path: a file, or "-" for CSV on `stdin`.
        sheet: the worksheet's name; None: the one whose header fits.
        mapping: field → header or column letter; empty: recognised from the headers.
        encoding: of a text file; None: found out.
        password: of a protected workbook.
        stdin: what "-" reads.
    """

    path: str
    sheet: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    password: Secret | None = None
    stdin: BinaryIO | None = None

    def open(self) -> Table:
        """Open it; raises SourceError."""
        return open_table(
            self.path,
            sheet=self.sheet,
            mapping=self.mapping,
            encoding=self.encoding,
            password=self.password,
            stdin=self.stdin,
        )


@dataclass(frozen=True, slots=True)
class Results:
    """Where the results go.

    Args:
        path: the workbook's path; None: beside the source, named after it and the time.
        csv: write four CSV files instead of a workbook.
        overwrite: replace files that are there already.
        protect: the password that the workbook opens with; None: none is needed.
        annotate: write the source once more, with what became of its rows beside them.

    Raises:
        UsageError: the password is not usable, or CSV files were to have one.
    """

    path: str | None = None
    csv: bool = False
    overwrite: bool = False
    protect: Secret | None = None
    annotate: bool = False

    def __post_init__(self) -> None:
        if self.protect is not None:
            results_files.check_protection(self.protect, csv=self.csv)

    def target(self, source: str, started_at: float) -> Path:
        """Return where they go for a source."""
        if self.path is not None:
            return Path(self.path)
        return results_files.results_path(source, started_at, ".csv" if self.csv else ".xlsx")


@dataclass(frozen=True, slots=True)
class LedgerPlace:
    """Which ledger, and its key.

    Args:
        location: a database URL or a path; None: in the user's data directory.
        key: the encryption key in base64; None: the key file beside the ledger.
        lease_seconds: for how long a run holds its account when it stops responding.
    """

    location: str | None = None
    key: str | None = field(default=None, repr=False)
    lease_seconds: float = LEASE_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> LedgerPlace:
        """Return the one that settings name."""
        key = settings.key.get_secret_value() if settings.key else None
        return cls(settings.ledger, key, settings.lease_seconds)

    def open(self) -> Ledger:
        """Open it; raises LedgerError."""
        return Ledger(self.location or default_ledger(), self.key)


class Progress(NamedTuple):
    """How far a run is."""

    run_id: int
    rows: int
    outcomes: dict[Outcome, int]  # of the rows that are settled
    calls: int
    seconds: float  # since the first call could leave
    is_waiting: bool  # held back by the vendor


class Watcher:
    """Is told how a run goes; does nothing about it. Override what is of interest."""

    def waiting(self, holder: str) -> None:
        """Another run holds the account; this one waits."""

    def planned(self, run_id: int, staged: Staged, plan: Plan) -> None:
        """Everything is read and checked; calls begin now."""

    def progressed(self, progress: Progress) -> None:
        """Called about twice a second."""

    def stopping(self, reason: str) -> None:
        """The run was asked to stop; calls under way may end."""

    def writing(self) -> None:
        """The calls have ended; the results are being written."""

    def ended(self, summary: Summary) -> None:
        """Everything is done."""


class Control:
    """Stops a run from outside, between two loops or from a signal handler."""

    def __init__(self) -> None:
        self.halt: Halt | None = None
        self._pacer: Pacer | None = None
        self._drain: Drain | None = None

    def stop(self, halt: Halt) -> None:
        """Send nothing more; calls under way may end. A second time: do not wait for them."""
        if self.halt is not None and self._drain is not None:
            self._drain.abort()
        self.halt = self.halt or halt
        if self._pacer is not None:
            self._pacer.stop(self.halt)

    @contextlib.contextmanager
    def over(self, pacer: Pacer, drain: Drain) -> Iterator[None]:
        """Let `stop` act on this pacer and this drain while the block lasts."""
        self._pacer, self._drain = pacer, drain
        if self.halt is not None:
            pacer.stop(self.halt)
        try:
            yield
        finally:
            self._pacer = self._drain = None


async def provision(
    source: str | Path | Source,
    account: Account,
    *,
    pace: Pace | None = None,
    policy: Policy | None = None,
    rules: Rules | None = None,
    results: str | Path | Results | None = None,
    ledger: str | LedgerPlace | None = None,
    wait: float = 0.0,
    watcher: Watcher | None = None,
    control: Control | None = None,
    sender: Sender | None = None,
) -> Summary:
    """Create the endpoints that a source asks for, and write a results file about every row.

    Running it again with the same source and account continues: what is known to the ledger is
    not called for again, what is in doubt is settled first.

    Args:
        source: a path, or a `Source` that says how to read it.
        account: who calls, and where.
        pace: rate, concurrency, time limits.
        policy: what to do about usernames that exist, and how passwords are generated.
        rules: what is checked before any call.
        results: where the results go; None: beside the source.
        ledger: a path or URL; None: in the user's data directory.
        wait: seconds to wait while another run holds the account.
        watcher: is told how it goes.
        control: stops the run from outside.
        sender: makes the calls; None: aiohttp, in this process.

    Raises:
        ProvisionError: the run could not begin, or the accounting does not add up; what happened
            to single rows, and to a run that stopped early, is in the summary instead.
    """
    if not isinstance(source, Source):
        source = Source(str(source))
    if not isinstance(results, Results):
        results = Results(None if results is None else str(results))
    if not isinstance(ledger, LedgerPlace):
        ledger = LedgerPlace(ledger)
    started_at = time.time()
    target = results.target(source.path, started_at)
    await asyncio.to_thread(_check_writable, target, source, results)
    with (
        await asyncio.to_thread(source.open) as table,
        await asyncio.to_thread(ledger.open) as opened,
    ):
        with _nothing_called():
            book = await asyncio.to_thread(opened.book, account.appid, account.base_url)
        run = _Run(
            table=table,
            ledger=opened,
            account=account,
            pace=pace or Pace(),
            policy=policy or Policy(),
            rules=rules or Rules(),
            watcher=watcher or Watcher(),
            control=control or Control(),
            started_at=started_at,
            book=book,
        )
        await run.go(wait, ledger.lease_seconds, sender)
        summary = await run.finish(target, results)
        run.watcher.ended(summary)
        return summary


async def plan(
    source: Source,
    account: Account,
    *,
    pace: Pace,
    policy: Policy,
    rules: Rules,
    ledger: LedgerPlace,
    problems: Results | None = None,
) -> tuple[Staged, Plan]:
    """Say what `provision` would do; nothing is called, and the ledger forgets the rows again.

    Args:
        source: what is read, and how.
        account: for which it would be done.
        pace: for how long it would take.
        policy: what to do about usernames that exist.
        rules: what is checked.
        ledger: what is known.
        problems: where to write the source with its problems marked, if there are any.

    Raises:
        ProvisionError: the source cannot be read, the ledger not be used, or the problems not be
            written.
    """
    stopped = threading.Event()

    def stage_only() -> tuple[Staged, Plan]:
        if problems is not None:
            _check_writable(Path(problems.path or ""), source, problems)
        with source.open() as table, ledger.open() as opened:
            book = opened.book(account.appid, account.base_url)
            run_id = _begin(book, table, pace, only_planned=True)
            try:
                keep = 0 if problems is None else MARKED_PROBLEMS
                staged = stage(
                    table, book, run_id, rules, policy, interrupted=stopped.is_set, keep=keep
                )
                if problems is not None and staged.found and not staged.interrupted:
                    _write_problems(table, staged, problems)
                return staged, plan_of(*book.planned(run_id), pace.rate)
            finally:
                book.discard_plan(run_id)

    try:
        return await asyncio.to_thread(stage_only)
    finally:
        stopped.set()  # who is interrupted does not wait for the rest of the source


def write_results(ledger: Ledger, run_id: int, target: Path, results: Results) -> tuple[str, ...]:
    """Write a run's results from what the ledger knows now; return the files written."""
    write = results_files.write_csv
    if not results.csv:
        write = partial(results_files.write_workbook, protect=results.protect)
    record = ledger.run(run_id)

    def rows() -> Iterator[ResultRow]:
        for row in ledger.result_rows(run_id):
            failpoints.reach("results-writing")
            yield row

    files = write(target, record, rows, overwrite=results.overwrite)
    failpoints.reach("results-written")
    return tuple(str(path) for path in files)


def _write_problems(table: Table, staged: Staged, problems: Results) -> None:
    results_files.write_problems(
        Path(problems.path or ""),
        table,
        staged.found,
        overwrite=problems.overwrite,
        protect=problems.protect,
    )


def _check_writable(target: Path, source: Source, results: Results) -> None:
    overwrite = results.overwrite
    results_files.check_writable(target, csv=results.csv, overwrite=overwrite)
    if results.annotate:
        annotated = results_files.annotation_path(target, source.path)
        results_files.check_writable(annotated, csv=False, overwrite=overwrite)


@contextlib.contextmanager
def _nothing_called() -> Iterator[None]:
    """Tell a ledger's troubles before the first call as what they are: nothing was done."""
    try:
        yield
    except LedgerWriteError as problem:
        raise LedgerError(problem.what, problem.cure) from problem


def _begin(book: Book, table: Table, pace: Pace, *, only_planned: bool) -> int:
    return book.begin_run(
        source=table.source,
        sheet=table.sheet,
        sha256=table.sha256,
        columns=table.columns,
        rate=pace.rate,
        only_planned=only_planned,
    )


@dataclass(kw_only=True, slots=True)
class _Run:
    """A run from its lease to its results."""

    table: Table
    ledger: Ledger
    account: Account
    pace: Pace
    policy: Policy
    rules: Rules
    watcher: Watcher
    control: Control
    started_at: float
    book: Book
    run_id: int = 0
    staged: Staged = field(default_factory=Staged)
    halt: Halt | None = None
    journal_is_whole: bool = True

    async def go(self, wait: float, lease_seconds: float, sender: Sender | None) -> None:
        """Take the account, stage the source, make the calls, close the run."""
        lease = self.book.lease(
            wait=wait,
            seconds=lease_seconds,
            on_wait=self.watcher.waiting,
            gave_up=lambda: self.control.halt is not None,
        )
        with self._interruptible(), _nothing_called():
            await self._take(lease)
        try:
            with _nothing_called():
                await asyncio.to_thread(self.ledger.confirm_key)
                planned = await asyncio.to_thread(self._stage)
            self.watcher.planned(self.run_id, self.staged, planned)
            if self.staged.interrupted:
                self.halt = self.control.halt
            else:
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
        self.run_id = _begin(self.book, self.table, self.pace, only_planned=False)
        try:
            self.staged = stage(
                self.table,
                self.book,
                self.run_id,
                self.rules,
                self.policy,
                interrupted=lambda: self.control.halt is not None,
            )
        except (SourceError, StoppedError) as problem:  # in the middle: nothing was called
            self.book.close_open_rows(self.run_id, "its source could not be read to the end")
            self.book.end_run(
                self.run_id,
                state=_state(problem.exit_code),
                reason=problem.what,
                exit_code=problem.exit_code,
                rows_read=0,
                warnings=(),
            )
            raise
        return plan_of(*self.book.planned(self.run_id), self.pace.rate)

    async def _drain(self, lease: Lease, sender: Sender | None) -> None:
        journal = self.book.journal(self.run_id, lease.token)
        pacer = Pacer(self.pace, lease, held_back=min(lease.held_back, self.pace.patience))
        lease.owed = pacer.owed
        try:
            async with contextlib.AsyncExitStack() as stack:
                if sender is None:
                    sender = await stack.enter_async_context(self._local_sender())
                seats = asyncio.Semaphore(self.pace.concurrency)
                tools = Tools(self.book, journal, sender, pacer, self.pace, self.policy, seats)
                drain = Drain(tools, self.run_id)
                stack.enter_context(self.control.over(pacer, drain))
                reporting = asyncio.create_task(self._report(pacer))
                stack.callback(reporting.cancel)
                await drain.run()
        except (LedgerWriteError, LeaseLostError):
            assert pacer.halt is not None  # the drain said why
            self.journal_is_whole = False
        finally:
            await journal.close()
        self.halt = pacer.halt

    def _local_sender(self) -> contextlib.AbstractAsyncContextManager[Sender]:
        from bulk_provision.piopiy.sender import LocalSender  # noqa: PLC0415 - aiohttp: 0.4 s

        return LocalSender(
            self.account,
            timeout=self.pace.timeout,
            connect_timeout=self.pace.connect_timeout,
        )

    async def _report(self, pacer: Pacer) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(_PROGRESS_EVERY)
            counts = await asyncio.to_thread(self.ledger.outcomes, self.run_id)
            self.watcher.progressed(
                Progress(
                    self.run_id,
                    self.staged.rows,
                    {outcome: n for outcome, n in counts.items() if outcome is not None},
                    pacer.calls,
                    time.monotonic() - began,
                    pacer.waits,
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
            exit_code = self._exit_code(self._checked_outcomes())
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

    def _exit_code(
        self, outcomes: Mapping[Outcome, int] | Mapping[Outcome | None, int]
    ) -> ExitCode:
        if self.halt is not None:
            return self.halt.exit_code
        counts = {outcome: count for outcome, count in outcomes.items() if count}
        if Outcome.UNPROCESSED in counts:
            return ExitCode.STOPPED
        if counts.keys() & {Outcome.FAILED, Outcome.INVALID, Outcome.IN_DOUBT}:
            return ExitCode.SOME_ROWS
        return ExitCode.DONE

    def _annotate(self, target: Path, results: Results) -> str:
        path = results_files.annotation_path(target, self.table.source)
        results_files.write_annotation(
            path,
            self.table,
            self.ledger.result_rows(self.run_id),
            run_id=self.run_id,
            overwrite=results.overwrite,
            protect=results.protect,
        )
        return str(path)

    async def finish(self, target: Path, results: Results) -> Summary:
        """Write the results and sum up."""
        self.watcher.writing()
        files: tuple[str, ...] = ()
        try:
            files = await asyncio.to_thread(
                write_results, self.ledger, self.run_id, target, results
            )
            if results.annotate:
                files += (await asyncio.to_thread(self._annotate, target, results),)
        except ProvisionError as problem:
            said = f"{self.halt.reason}. " if self.halt else ""
            code = self.halt.exit_code if self.halt else ExitCode.STOPPED
            self.halt = Halt(code, f"{said}{problem.what} {problem.cure}".rstrip(". "))
        record = await asyncio.to_thread(self.ledger.run, self.run_id)
        return Summary(
            run_id=self.run_id,
            account=self.account.appid,
            source=self.table.source,
            rows=record.rows,
            outcomes=record.outcomes,
            calls=record.calls,
            seconds=time.time() - self.started_at,
            results=files,
            exit_code=self._exit_code(record.outcomes),
            reason=self.halt.reason if self.halt else "",
            warnings=self.staged.warnings,
        )


def _state(exit_code: int) -> str:
    if exit_code in (ExitCode.DONE, ExitCode.SOME_ROWS):
        return "done"
    return "interrupted" if exit_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED) else "stopped"
