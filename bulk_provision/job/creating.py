"""`provision()`: create the endpoints that a source asks for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision.checks import Rules
from bulk_provision.control import Control, Watcher
from bulk_provision.finishing import finish
from bulk_provision.model import Caution, Pace
from bulk_provision.places import LedgerPlace, Results, Source
from bulk_provision.plan import Policy
from bulk_provision.running import Run, nothing_called

if TYPE_CHECKING:
    from bulk_provision.approval import Approved
    from bulk_provision.model import Account, Summary
    from bulk_provision.piopiy import Sender

from bulk_provision.job.preparing import provisioning, ready_target


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
    source = Source.at(source)
    results = Results.at(results)
    ledger = LedgerPlace.at(ledger)
    started_at = time.time()
    target = await asyncio.to_thread(ready_target, source, results, started_at)
    with contextlib.ExitStack() as stack:
        table = stack.enter_context(await asyncio.to_thread(source.open))
        if approved is not None:
            approved.check(source.path, table.sha256, account)
        work = provisioning(table, source, results, policy or Policy(), rules or Rules())
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
