"""`rehearse()`: the same against an emulated vendor."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision.checks import Rules
from bulk_provision.control import Control, Watcher
from bulk_provision.finishing import finish
from bulk_provision.model import Caution, Pace, Reconcile
from bulk_provision.places import LedgerPlace, Results, Source
from bulk_provision.plan import Policy
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

if TYPE_CHECKING:
    from bulk_provision.approval import Approved
    from bulk_provision.model import Account, Summary
    from bulk_provision.piopiy import Sender

from bulk_provision.job.preparing import provisioning, ready_target


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
    source = Source.at(source)
    results = Results.at(results)
    ledger = LedgerPlace.at(ledger)
    pace, policy, until = pace or Pace(), policy or Policy(), until or Until()
    control, watcher = control or Control(), watcher or Watcher()
    results, started_at = replace(results, rehearsed=True), time.time()
    target = await asyncio.to_thread(ready_target, source, results, started_at)
    with contextlib.ExitStack() as stack:
        stage = stage or stack.enter_context(Stage())
        table = stack.enter_context(await asyncio.to_thread(source.open))
        if approved is not None:
            approved.check(source.path, table.sha256, account)
        work = provisioning(table, source, results, rehearsed_policy(policy), rules or Rules())
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
