"""`undo()`: remove what a run created."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision import results as results_files
from bulk_provision.control import Control, Watcher
from bulk_provision.finishing import finish
from bulk_provision.model import Caution, Pace
from bulk_provision.places import LedgerPlace, Results
from bulk_provision.plan import plan_of
from bulk_provision.running import Run, nothing_called
from bulk_provision.undoing import Undoing, check_account, to_undo

if TYPE_CHECKING:
    from bulk_provision.model import Account, Summary
    from bulk_provision.piopiy import Sender
    from bulk_provision.plan import Plan
    from bulk_provision.staged import Staged


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
    results = Results.at(results)
    ledger = LedgerPlace.at(ledger)
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
