"""`reconcile()`: compare the vendor's list with a source and the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision import results as results_files
from bulk_provision.checks import Rules
from bulk_provision.control import Control, Watcher
from bulk_provision.model import Caution, Pace
from bulk_provision.places import LedgerPlace, Results, Source
from bulk_provision.reconciling import Comparing, ReconcilingRun
from bulk_provision.running import nothing_called

if TYPE_CHECKING:
    from bulk_provision.model import Account, Reconciled
    from bulk_provision.piopiy import Sender
    from bulk_provision.staged import Staged


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
    source = None if source is None else Source.at(source)
    report = None if report is None else Results.at(report)
    ledger = LedgerPlace.at(ledger)
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
