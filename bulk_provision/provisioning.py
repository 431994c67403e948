"""To create the endpoints that a source asks for: what a run of that kind does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulk_provision.model import WeakPasswords
from bulk_provision.plan import step_for
from bulk_provision.staged import Staged
from bulk_provision.staging import stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.checks import Rules
    from bulk_provision.intake import Users
    from bulk_provision.ledger import Book, OpenRow
    from bulk_provision.model import Pace
    from bulk_provision.plan import Policy, Step
    from bulk_provision.shares import Share


@dataclass(frozen=True, slots=True)
class Provisioning:
    """Create the endpoints that a source asks for.

    Args:
        table: the source.
        policy: what to do about usernames that exist, and how passwords are generated.
        rules: what is checked before any call.
        share: which rows are the account's, in a source for several; None: all.
        keep: how many problems are to be kept one by one, in `Staged.found`.
    """

    table: Users
    policy: Policy
    rules: Rules
    share: Share | None = None
    keep: int = 0

    def begin(self, book: Book, pace: Pace, *, job: str, only_planned: bool) -> int:
        """Begin the run in the ledger; return its number."""
        return book.begin_run(
            source=self.table.source,
            sheet=self.table.sheet,
            sha256=self.table.sha256,
            columns=self.table.columns,
            rate=pace.rate,
            job=job,
            selection=self.table.selection,
            only_planned=only_planned,
        )

    def stage(self, book: Book, run_id: int, interrupted: Callable[[], bool]) -> Staged:
        """Read the source into the ledger; raises SourceError."""
        return stage(
            self.table,
            book,
            run_id,
            self.rules,
            self.policy,
            share=self.share,
            interrupted=interrupted,
            keep=self.keep,
        )

    def step_for(self, row: OpenRow, book: Book) -> Step:
        """Say what a row of the source needs first."""
        replaces_weak = self.rules.weak_passwords is WeakPasswords.REPLACE
        return step_for(row, self.policy, book.vault, replaces_weak=replaces_weak)
