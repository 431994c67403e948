"""`plan()`: say what would be done."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision import results as results_files
from bulk_provision.approval import Binding
from bulk_provision.checks import Rules
from bulk_provision.ledger.leases import started_by
from bulk_provision.model import Pace
from bulk_provision.places import LedgerPlace, Results, Source
from bulk_provision.plan import Policy
from bulk_provision.provisioning import Provisioning
from bulk_provision.results.plan_words import Planned
from bulk_provision.running import plan_for

if TYPE_CHECKING:
    from bulk_provision.approval import PlanFile
    from bulk_provision.intake import Table
    from bulk_provision.model import Account
    from bulk_provision.plan import Plan
    from bulk_provision.staged import Staged

from bulk_provision.job.preparing import check_writable, spreadsheet_of

MARKED_PROBLEMS = 20_000
"""How many problems are marked in a workbook: more comments make spreadsheet programs slow."""


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
            check_writable(Path(problems.path or ""), source, problems)
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
                    _write_problems(spreadsheet_of(table), staged, problems)
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


def _write_problems(table: Table, staged: Staged, problems: Results) -> None:
    results_files.write_problems(
        Path(problems.path or ""),
        table,
        staged.found,
        overwrite=problems.overwrite,
        protect=problems.protect,
    )
