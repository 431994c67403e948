"""`provision()`, `rehearse()`, `plan()`, `reconcile()`, `undo()`: the one place that wires it all.

The command line, a page or a job file call this and nothing below it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision import results as results_files
from bulk_provision.approval import Binding
from bulk_provision.checks import Rules
from bulk_provision.control import Control, Progress, Watcher
from bulk_provision.errors import SourceError
from bulk_provision.finishing import finish, write_results
from bulk_provision.ledger.leases import started_by
from bulk_provision.model import Caution, Pace, Reconcile
from bulk_provision.places import LedgerPlace, Results, Source
from bulk_provision.plan import Policy, plan_of
from bulk_provision.reconciling import Comparing, ReconcilingRun
from bulk_provision.rehearsing import (
    EmulatedSender,
    RehearsedRun,
    Stage,
    Until,
    prepare,
    rehearsed_pace,
    rehearsed_policy,
    told_by,
)
from bulk_provision.results.plan_words import Planned
from bulk_provision.running import Provisioning, Run, nothing_called, plan_for
from bulk_provision.undoing import Undoing, check_account, to_undo

if TYPE_CHECKING:
    from bulk_provision.approval import Approved, PlanFile
    from bulk_provision.intake import Table, Users
    from bulk_provision.model import Account, Reconciled, Summary
    from bulk_provision.piopiy import Sender
    from bulk_provision.plan import Plan
    from bulk_provision.staging import Staged

__all__ = [
    "Control",
    "LedgerPlace",
    "Progress",
    "Results",
    "Source",
    "Stage",
    "Until",
    "Watcher",
    "plan",
    "plan_undo",
    "provision",
    "reconcile",
    "rehearse",
    "undo",
    "write_results",
]

MARKED_PROBLEMS = 20_000
"""How many problems are marked in a workbook: more comments make spreadsheet programs slow."""


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
    caution: Caution | None = None,
    approved: Approved | None = None,
    job: str = "",
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
        caution: when to stop before calling, how many endpoints to create first, how much to do.
        approved: the plan that the run must keep to.
        job: the name of the job that this run belongs to.
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
    target = await asyncio.to_thread(_ready_target, source, results, started_at)
    with contextlib.ExitStack() as stack:
        table = stack.enter_context(await asyncio.to_thread(source.open))
        if approved is not None:
            approved.check(source.path, table.sha256, account)
        work = _provisioning(table, source, results, policy or Policy(), rules or Rules())
        opened = stack.enter_context(await asyncio.to_thread(ledger.open))
        with nothing_called():
            book = await asyncio.to_thread(opened.book, account.appid, account.base_url)
        run = Run(
            work=work,
            ledger=opened,
            account=account,
            pace=pace or Pace(),
            caution=caution or Caution(),
            job=job,
            watcher=watcher or Watcher(),
            control=control or Control(),
            started_at=started_at,
            book=book,
        )
        await run.go(wait, ledger.lease_seconds, sender)
        summary = await finish(run, table, target, results)
        run.watcher.ended(summary)
        return summary


async def rehearse(
    source: str | Path | Source,
    account: Account,
    *,
    pace: Pace | None = None,
    policy: Policy | None = None,
    rules: Rules | None = None,
    results: str | Path | Results | None = None,
    ledger: str | LedgerPlace | None = None,
    wait: float = 0.0,
    caution: Caution | None = None,
    approved: Approved | None = None,
    job: str = "",
    watcher: Watcher | None = None,
    control: Control | None = None,
    sender: Sender | None = None,
    until: Until | None = None,
    stage: Stage | None = None,
) -> Summary:
    """Do what `provision` would do, against an emulated vendor with the account's real state.

    Nothing at the vendor is changed: the only real call is `list_sip`, at the account's pace (with
    `--reconcile never` there is none). The ledger learns nothing about any endpoint.

    Args:
        source: as for `provision`.
        account: whose list is read, and who would call.
        pace: for the real calls, and for how long the real run would take.
        policy: as for `provision`; passwords are not made, and the results say so.
        rules: as for `provision`.
        results: where they go; the name ends in "-rehearsal" in any case.
        ledger: as for `provision`; what is written goes into a copy.
        wait: seconds to wait while another run holds the account.
        caution: as for `provision`.
        approved: as for `provision`.
        job: the name of the job whose run is rehearsed.
        watcher: is told how it goes.
        control: stops it from outside.
        sender: makes the real calls; None: aiohttp, in this process.
        until: the deadline that the real run would have.
        stage: shared by the runs of a round; None: one of its own.

    Returns:
        What would become of the rows, and in `rehearsal` what the real run would cost.

    Raises:
        ProvisionError: as `provision`; RehearsalError when the vendor's list could not be read.
    """
    if not isinstance(source, Source):
        source = Source(str(source))
    if not isinstance(results, Results):
        results = Results(None if results is None else str(results))
    if not isinstance(ledger, LedgerPlace):
        ledger = LedgerPlace(ledger)
    pace, policy, until = pace or Pace(), policy or Policy(), until or Until()
    control, watcher = control or Control(), watcher or Watcher()
    results, started_at = replace(results, rehearsed=True), time.time()
    target = await asyncio.to_thread(_ready_target, source, results, started_at)
    with contextlib.ExitStack() as stack:
        stage = stage or stack.enter_context(Stage())
        table = stack.enter_context(await asyncio.to_thread(source.open))
        if approved is not None:
            approved.check(source.path, table.sha256, account)
        work = _provisioning(table, source, results, rehearsed_policy(policy), rules or Rules())
        if (stand_in := stage.stand_in(account)) is not None:
            watcher.rehearsing(None, 0, None)
        else:
            opened = stack.enter_context(await asyncio.to_thread(ledger.open))
            stand_in = await prepare(
                stage,
                account,
                opened,
                reads=policy.reconcile is not Reconcile.NEVER,
                pace=pace,
                wait=wait,
                lease_seconds=ledger.lease_seconds,
                watcher=watcher,
                control=control,
                sender=sender,
            )
        part = stack.enter_context(control.over_a_part())
        run = RehearsedRun(
            work=work,
            ledger=stand_in.ledger,
            account=account,
            pace=rehearsed_pace(pace),
            caution=caution or Caution(),
            job=job,
            watcher=watcher,
            control=part,
            started_at=started_at,
            book=await asyncio.to_thread(stand_in.ledger.book, account.appid, account.base_url),
            rate=pace.rate,
        )
        emulated = EmulatedSender(stand_in, account, until, pace.rate, part)
        await run.go(wait, ledger.lease_seconds, emulated)
        rehearsal = await asyncio.to_thread(told_by, run, stand_in, emulated, until)
        summary = await finish(run, table, target, results, rehearsal)
        watcher.ended(summary)
        return summary


async def reconcile(
    source: str | Path | Source | None,
    account: Account,
    *,
    pace: Pace | None = None,
    rules: Rules | None = None,
    report: str | Path | Results | None = None,
    ledger: str | LedgerPlace | None = None,
    wait: float = 0.0,
    job: str = "",
    watcher: Watcher | None = None,
    control: Control | None = None,
    sender: Sender | None = None,
) -> tuple[Reconciled, Staged]:
    """Compare the vendor's list with a source and the ledger, and let the ledger know all of it.

    Nothing at the vendor is changed: the only call is `list_sip`. A reading that was broken off
    goes on where it was, for an hour.

    Args:
        source: a path, or a `Source`; None: the newest run of each source that the ledger has.
        account: who calls, and where.
        pace: rate, concurrency, time limits.
        rules: what is checked in the source.
        report: where a file with every difference goes, a workbook or CSV; None: nowhere.
        ledger: a path or URL; None: in the user's data directory.
        wait: seconds to wait while another run holds the account.
        job: the name of the job that this belongs to.
        watcher: is told how it goes.
        control: stops it from outside.
        sender: makes the calls; None: aiohttp, in this process.

    Returns:
        What was found, and what is wrong with the source's rows.

    Raises:
        ProvisionError: it could not begin; why it stopped early is in the result instead.
    """
    if source is not None and not isinstance(source, Source):
        source = Source(str(source))
    if report is not None and not isinstance(report, Results):
        report = Results(str(report))
    if not isinstance(ledger, LedgerPlace):
        ledger = LedgerPlace(ledger)
    started_at = time.time()
    if report is not None:
        where, overwrite = Path(report.path or ""), report.overwrite
        await asyncio.to_thread(results_files.check_writable, where, csv=False, overwrite=overwrite)
    async with contextlib.AsyncExitStack() as stack:
        table = None
        if source is not None:
            table = stack.enter_context(await asyncio.to_thread(source.open))
        opened = stack.enter_context(await asyncio.to_thread(ledger.open))
        with nothing_called():
            book = await asyncio.to_thread(opened.book, account.appid, account.base_url)
        comparing = Comparing(table, rules or Rules())
        stack.callback(comparing.forget, book)
        run = ReconcilingRun(
            work=comparing,
            comparing=comparing,
            report=None if report is None else Path(report.path or ""),
            overwrite=report is not None and report.overwrite,
            ledger=opened,
            account=account,
            pace=pace or Pace(),
            caution=Caution(),
            job=job,
            watcher=watcher or Watcher(),
            control=control or Control(),
            started_at=started_at,
            book=book,
        )
        await run.go(wait, ledger.lease_seconds, sender)
        return await asyncio.to_thread(run.summed_up), comparing.staged


async def undo(
    run_id: int,
    account: Account,
    *,
    include_confirmed: bool = False,
    pace: Pace | None = None,
    results: str | Path | Results | None = None,
    ledger: str | LedgerPlace | None = None,
    wait: float = 0.0,
    watcher: Watcher | None = None,
    control: Control | None = None,
    sender: Sender | None = None,
) -> Summary:
    """Remove the endpoints that a run provably created and that are still ours; nothing else.

    It is a run of its own, with a results file about every row that the undone run created.
    Calling it again continues: what is removed is not called for again.

    Args:
        run_id: the run to undo.
        account: who calls, and where: the account of that run.
        include_confirmed: remove also what only a read-back of the source's own password confirmed.
        pace: rate, concurrency, time limits.
        results: where the results go; None: in the current folder.
        ledger: a path or URL; None: in the user's data directory.
        wait: seconds to wait while another run holds the account.
        watcher: is told how it goes.
        control: stops it from outside.
        sender: makes the calls; None: aiohttp, in this process.

    Raises:
        ProvisionError: it could not begin, or the accounting does not add up; what happened to
            single rows, and to an undo that stopped early, is in the summary instead.
    """
    if not isinstance(results, Results):
        results = Results(None if results is None else str(results))
    if not isinstance(ledger, LedgerPlace):
        ledger = LedgerPlace(ledger)
    started_at = time.time()
    target = results.target(f"undo-of-run-{run_id}", started_at)
    await asyncio.to_thread(results.make_folder)
    results_files.check_writable(target, csv=results.csv, overwrite=results.overwrite, kind="undo")
    with await asyncio.to_thread(ledger.open) as opened:
        with nothing_called():
            undone, book = await asyncio.to_thread(to_undo, opened, run_id, wait)
        check_account(undone, account)
        run = Run(
            work=Undoing(undone, include_confirmed),
            ledger=opened,
            account=account,
            pace=pace or Pace(),
            caution=Caution(),
            watcher=watcher or Watcher(),
            control=control or Control(),
            started_at=started_at,
            book=book,
        )
        await run.go(wait, ledger.lease_seconds, sender)
        summary = await finish(run, None, target, results)
        run.watcher.ended(summary)
        return summary


def plan_undo(
    run_id: int, *, include_confirmed: bool, pace: Pace, ledger: LedgerPlace, wait: float = 0.0
) -> tuple[Staged, Plan]:
    """Say what `undo` would do; nothing is called, and the ledger forgets the rows again.

    Raises:
        ProvisionError: there is nothing that can be undone, or the ledger cannot be used.
    """
    with ledger.open() as opened:
        undone, book = to_undo(opened, run_id, wait)
        work = Undoing(undone, include_confirmed)
        planned_id = work.begin(book, pace, job="", only_planned=True)
        try:
            staged = work.stage(book, planned_id, lambda: False)
            return staged, plan_of(*book.planned(planned_id), pace.rate)
        finally:
            book.discard_plan(planned_id)


async def plan(
    source: Source,
    account: Account,
    *,
    pace: Pace,
    policy: Policy,
    rules: Rules,
    ledger: LedgerPlace,
    problems: Results | None = None,
    file: PlanFile | None = None,
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
        file: where to write the plan itself, for people to approve.

    Raises:
        ProvisionError: the source cannot be read, the ledger not be used, or a file not be written.
    """
    stopped = threading.Event()

    def stage_only() -> tuple[Staged, Plan]:
        if problems is not None:
            _check_writable(Path(problems.path or ""), source, problems)
        if file is not None:
            results_files.check_writable(file.path, csv=False, overwrite=file.overwrite)
        with source.open() as table, ledger.open() as opened:
            book = opened.book(account.appid, account.base_url)
            keep = 0 if problems is None else MARKED_PROBLEMS
            share = source.route.share_of(table) if source.route else None
            work = Provisioning(table, policy, rules, share, keep)
            run_id = work.begin(book, pace, job="", only_planned=True)
            try:
                staged = work.stage(book, run_id, stopped.is_set)
                if problems is not None and staged.found and not staged.interrupted:
                    _write_problems(_spreadsheet_of(table), staged, problems)
                planned = plan_for(work, book, run_id, pace)
                if file is not None and not staged.interrupted:
                    binding = Binding.to(table.sha256, account, file.options)
                    results_files.write_plan(
                        file.path,
                        Planned(binding, staged, planned, table.columns, time.time(), started_by()),
                        partial(book.planned_rows, run_id),
                        overwrite=file.overwrite,
                    )
                return staged, planned
            finally:
                book.discard_plan(run_id)

    try:
        return await asyncio.to_thread(stage_only)
    finally:
        stopped.set()  # who is interrupted does not wait for the rest of the source


def _ready_target(source: Source, results: Results, started_at: float) -> Path:
    """Return where the results go; raises ResultsError when they could not be written there."""
    target = results.target(source.path, started_at)
    results.make_folder()
    _check_writable(target, source, results)
    return target


def _provisioning(
    table: Users, source: Source, results: Results, policy: Policy, rules: Rules
) -> Provisioning:
    if results.annotate:
        _spreadsheet_of(table)
    share = source.route.share_of(table) if source.route else None
    return Provisioning(table, policy, rules, share)


def _write_problems(table: Table, staged: Staged, problems: Results) -> None:
    results_files.write_problems(
        Path(problems.path or ""),
        table,
        staged.found,
        overwrite=problems.overwrite,
        protect=problems.protect,
    )


def _spreadsheet_of(users: Users) -> Table:
    """Return the spreadsheet that a source is.

    Raises:
        SourceError: it is none whose cells could be marked.
    """
    if users.spreadsheet is None:
        raise SourceError(
            f"{users.source}: only a spreadsheet can be written again with something added; this "
            "is another system's export.",
            "Leave --annotate and --marked away: results and plans have what the export had.",
        )
    return users.spreadsheet


def _check_writable(target: Path, source: Source, results: Results) -> None:
    overwrite = results.overwrite
    results_files.check_writable(target, csv=results.csv, overwrite=overwrite)
    if results.annotate:
        annotated = results_files.annotation_path(target, source.path)
        results_files.check_writable(annotated, csv=False, overwrite=overwrite)
