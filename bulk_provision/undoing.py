"""What an undo does: which endpoints of a run it removes, which it keeps, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bulk_provision import failpoints
from bulk_provision.errors import AccountBusyError, UsageError
from bulk_provision.ledger import StagedRow, State
from bulk_provision.ledger.schema import UNSETTLED
from bulk_provision.model import Outcome, Problem
from bulk_provision.plan import Action, Policy, Remembered, Step
from bulk_provision.staged import Staged

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.ledger import Book, Creation, Ledger, OpenRow
    from bulk_provision.model import Account, Pace, RunRecord


def to_undo(ledger: Ledger, run_id: int, wait: float) -> tuple[RunRecord, Book]:
    """Return a run that can be undone, and its account's part of the ledger.

    Raises:
        UsageError: there is no such run, or it created nothing that could be removed.
        AccountBusyError: it is still going on.
    """
    record = ledger.run(run_id)
    check_undoable(record)
    book = ledger.book(record.appid, record.base_url)
    if record.ended_at is None:
        try:
            with book.lease(wait=wait):
                book.close_dead_runs()  # whoever holds the account knows that it was killed
        except AccountBusyError as problem:
            raise AccountBusyError(
                f"Run {run_id} has not ended. {problem.what}", problem.cure
            ) from problem
        record = ledger.run(run_id)
    return record, book


def check_undoable(record: RunRecord) -> None:
    """See that a run is one that creates; raises UsageError."""
    run_id = record.run_id
    if record.undoes is not None:
        raise UsageError(
            f"Run {run_id} is itself an undo, of run {record.undoes}.",
            "To have those endpoints again, run their source again: they get the same passwords.",
        )
    if record.state == "plan":
        raise UsageError(f"Run {run_id} was only planned: it created nothing.")
    if not record.has_rows:
        raise UsageError(
            f"The rows of run {run_id} were removed from the ledger: nobody can tell any more what "
            "it created.",
            "Remove its endpoints in TeleCMI's own pages; the run's results name them.",
        )


def check_account(undone: RunRecord, account: Account) -> None:
    """See that a run is undone with the account that it was made for; raises UsageError."""
    if (account.appid, account.base_url) != (undone.appid, undone.base_url):
        raise UsageError(
            f"Run {undone.run_id} was made for the account {undone.appid} at {undone.base_url}, "
            f"not for {account.appid} at {account.base_url}.",
            "Name that account, or none: its app id and address are taken from the ledger.",
        )


@dataclass(frozen=True, slots=True)
class Undoing:
    """Remove what a run provably created and what is still ours: the `Work` of an undo.

    Args:
        of: the run that is undone.
        include_confirmed: remove also what only a read-back of the source's own password confirmed.
        policy: an undo has no choices about usernames that exist.
    """

    of: RunRecord
    include_confirmed: bool = False
    policy: Policy = field(default_factory=Policy)

    def begin(self, book: Book, pace: Pace, *, job: str, only_planned: bool) -> int:
        """Begin the undo in the ledger; return its number."""
        return book.begin_run(
            source=self.of.source,
            sheet=self.of.sheet,
            sha256=self.of.sha256,
            columns=self.of.columns,
            rate=pace.rate,
            job=job,
            undoes=self.of.run_id,
            only_planned=only_planned,
        )

    def stage(self, book: Book, run_id: int, interrupted: Callable[[], bool]) -> Staged:
        """Write a row for each that the run created: kept or gone, or to be removed."""
        staged = Staged(self.of.source, self.of.sheet)
        for page in book.creations(self.of.run_id):
            if interrupted():
                staged.interrupted = True
                return staged
            book.stage(run_id, [self._row(one, staged) for one in page])
            staged.rows += len(page)
            failpoints.reach("rows-staged")
        return staged

    def _row(self, creation: Creation, staged: Staged) -> StagedRow:
        decided = decide(creation, include_confirmed=self.include_confirmed)
        row = (creation.seq, creation.number, creation.username, None, creation.others)
        if isinstance(decided, Action):
            return StagedRow(*row, decided)
        if decided.outcome is Outcome.KEPT:
            where = f"row {creation.number}"
            kind, why = decided.code, decided.message.removesuffix(".")
            staged.tell([Problem(kind, where, creation.username, why, decided.tip, warning=True)])
        return StagedRow(*row, None, *decided)

    def step_for(self, row: OpenRow, book: Book) -> Step:
        """Say what an endpoint that is to be removed needs first."""
        known = row.known
        assert known is not None, "only an endpoint that the ledger knows is to be removed"
        is_in_doubt = known.state in UNSETTLED
        return Step(
            row.seq,
            row.username,
            "" if known.sealed is None else book.vault.open(row.username, known.sealed),
            "",
            Action.REMOVE,
            doubted=is_in_doubt,
            purpose=known.purpose,
            acknowledged=is_in_doubt and known.proof == "acknowledged",
            is_ours=True,
        )


def decide(creation: Creation, *, include_confirmed: bool) -> Remembered | Action:
    """Say what is done about an endpoint: to be removed, or kept, or known to be gone. Pure.

    Args:
        creation: what is known of it.
        include_confirmed: whether a read-back of the source's own password is proof enough.
    """
    match creation.state:
        case State.REMOVED:
            return Remembered(Outcome.GONE, "", "An earlier undo removed it, or found it gone.")
        case State.EXISTS:
            return _kept("changed", "its password at TeleCMI is another by now; it is not ours")
        case State.RESET:
            return _kept("reset", "it existed before; a run of ours only set its password")
        case State.PLANNED | State.FAILED:
            return _kept("absent", "a later run found it gone, and could not create it again")
    if creation.made_anew_by is not None:
        run = creation.made_anew_by
        why = f"run {run} created it anew (or may have)"
        return _kept("made-anew", why, f"To remove it: bulk-provision undo {run}")
    if creation.state in UNSETTLED and not (creation.purpose == "remove" or creation.is_in_doubt):
        return _kept(
            "in-doubt",
            "a later request for it is in doubt",
            "This undo asks TeleCMI what became of it: run the same command again.",
        )
    if creation.is_forgotten:
        return _kept(
            "forgotten",
            "its password was erased from the ledger (forget): nobody can tell whether it is ours",
            "Remove it in TeleCMI's own pages, if it is to go.",
        )
    if creation.may_be_of_source and not (creation.is_answered or include_confirmed):
        return _kept(
            "confirmed",
            "no answer says that this run created it; only a read-back can, and of a password "
            "that the source had: somebody else could have created it with the same one",
            "To remove it all the same: --include-confirmed",
        )
    return Action.REMOVE


def _kept(code: str, why: str, tip: str = "") -> Remembered:
    return Remembered(Outcome.KEPT, f"kept-{code}", f"Kept: {why}.", tip)
