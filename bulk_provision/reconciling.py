"""Reconciling: the vendor's whole list beside the ledger and a source; nothing there is changed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bulk_provision.errors import ListError, ResultsError
from bulk_provision.model import DriftKind, ExitCode, Reconciled
from bulk_provision.pace import Halt, Halted
from bulk_provision.plan import Policy, step_for
from bulk_provision.results import drift_report
from bulk_provision.running import Run
from bulk_provision.staged import Staged
from bulk_provision.staging import stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bulk_provision.calling import Tools
    from bulk_provision.checks import Rules
    from bulk_provision.intake import Users
    from bulk_provision.ledger import Book, Listings, OpenRow
    from bulk_provision.listing import Listing
    from bulk_provision.model import Drift, Outcome, Pace
    from bulk_provision.plan import Plan, Step

_NAMED = 5  # usernames of each kind that are told at once
_NEEDS_THE_LIST = (DriftKind.MISSING, DriftKind.GONE)  # whole: else absence means nothing


@dataclass(slots=True)
class Comparing:
    """Compare what a source asks for with the vendor's list; a `Work` without rows of its own.

    The source's rows are staged as those of a plan, which is forgotten in the end.

    Args:
        table: the source; None: the rows of the account's last runs.
        rules: what is checked.
    """

    table: Users | None
    rules: Rules
    policy: Policy = field(default_factory=Policy)
    source_run: int | None = None
    staged: Staged = field(default_factory=Staged)

    def begin(self, book: Book, pace: Pace, *, job: str, only_planned: bool) -> int:
        """Begin the run in the ledger; return its number."""
        table = self.table
        return book.begin_run(
            source=table.source if table else "",
            sheet=table.sheet if table else "",
            sha256=table.sha256 if table else "",
            columns=(),
            rate=pace.rate,
            job=job,
            kind="reconcile",
            only_planned=only_planned,
        )

    def stage(self, book: Book, run_id: int, interrupted: Callable[[], bool]) -> Staged:  # noqa: ARG002  (the rows are another run's)
        """Stage the source's rows as those of a plan; raises SourceError."""
        if self.table is None:
            return Staged()
        self.source_run = book.begin_run(
            source=self.table.source,
            sheet=self.table.sheet,
            sha256=self.table.sha256,
            columns=self.table.columns,
            rate=None,
            only_planned=True,
        )
        self.staged = stage(
            self.table, book, self.source_run, self.rules, self.policy, interrupted=interrupted
        )
        return Staged(self.table.source, self.table.sheet, interrupted=self.staged.interrupted)

    def step_for(self, row: OpenRow, book: Book) -> Step:
        """Say what a row needs; there is none."""
        return step_for(row, self.policy, book.vault)

    def forget(self, book: Book) -> None:
        """Forget the source's rows."""
        if self.source_run is not None:
            book.discard_plan(self.source_run)


@dataclass(slots=True)
class DriftTally:
    """Drift as it is told: counts and first names."""

    counts: Counter[DriftKind] = field(default_factory=Counter)
    first: dict[DriftKind, list[str]] = field(default_factory=dict)

    def add(self, drift: Drift) -> None:
        """Count one."""
        self.counts[drift.kind] += 1
        names = self.first.setdefault(drift.kind, [])
        if len(names) < _NAMED:
            names.append(drift.username)


@dataclass(kw_only=True, slots=True)
class ReconcilingRun(Run):
    """A run that reads the vendor's list and compares; it makes no other call."""

    comparing: Comparing
    report: Path | None = None
    overwrite: bool = False
    listing: Listing | None = None
    learned: int = 0
    tally: DriftTally = field(default_factory=DriftTally)
    in_doubt: int = 0

    def _tell_planned(self, planned: Plan) -> None:  # noqa: ARG002  (there is no plan)
        self.watcher.reconciling(self.run_id)

    async def _call(self, tools: Tools, token: int) -> None:
        listings = self.book.listings(token)
        try:
            with contextlib.suppress(Halted), self._reading(tools, listings) as reader:
                listing = await reader.read()
                await asyncio.to_thread(self._compare, listings, listing)
        except (ListError, ResultsError) as problem:
            tools.pacer.stop(Halt(ExitCode.STOPPED, problem.what.rstrip(".")))

    def _compare(self, listings: Listings, listing: Listing) -> None:
        """Fill the ledger, report what differs, and let go of the list."""
        self.learned = listings.use(listing.id, self.run_id)
        with contextlib.ExitStack() as stack:
            keep = None
            if self.report is not None:
                keep = stack.enter_context(drift_report(self.report, overwrite=self.overwrite))
            drifts, self.in_doubt = stack.enter_context(
                listings.drift(listing.id, self.comparing.source_run, is_whole=listing.is_settled)
            )
            for drift in drifts:
                self.tally.add(drift)
                if keep is not None:
                    keep(drift)
        listings.end(listing.id)
        self.listing = listing

    @property
    def drift(self) -> dict[DriftKind, int | None]:
        """How many usernames are in each kind; None where it cannot be known."""
        if self.listing is None:
            return dict.fromkeys(DriftKind)
        return {
            kind: None
            if kind in _NEEDS_THE_LIST and not self.listing.is_settled
            else self.tally.counts[kind]
            for kind in DriftKind
        }

    def exit_code(self, outcomes: Mapping[Outcome, int] | Mapping[Outcome | None, int]) -> ExitCode:  # noqa: ARG002  (it has no rows)
        """Tell whether there is drift; a list that kept moving cannot say that there is none."""
        if self.halt is not None:
            return self.halt.exit_code
        if self.tally.counts.total():
            return ExitCode.SOME_ROWS
        is_known = self.listing is not None and self.listing.is_settled
        return ExitCode.DONE if is_known else ExitCode.STOPPED

    def summed_up(self) -> Reconciled:
        """Return what came of it."""
        record = self.ledger.run(self.run_id)
        listing = self.listing
        return Reconciled(
            run_id=self.run_id,
            account=self.account.appid,
            source=record.source,
            listed=listing.total if listing else 0,
            found=listing.found if listing else 0,
            is_whole=listing is not None and listing.is_settled,
            learned=self.learned,
            drift=self.drift,
            first={kind: tuple(names) for kind, names in self.tally.first.items()},
            in_doubt=self.in_doubt,
            calls=record.calls,
            seconds=time.time() - self.started_at,
            exit_code=self.exit_code(record.outcomes),
            reason=self.halt.reason if self.halt else "",
            report=str(self.report) if listing and self.report else "",
        )
