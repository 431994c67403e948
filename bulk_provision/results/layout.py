"""Which row goes where, and under which columns: the same for workbook and CSV."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from bulk_provision.intake.columns import OLD_USERNAME
from bulk_provision.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulk_provision.model import ResultRow

_T = TypeVar("_T")

COLUMNS = ("row", "username", "password", "connect_url", "outcome", "code", "message", "tip")
"""The first columns of every results file; the source's own columns follow, whatever their names.
Intake knows our files by exactly this beginning."""

SHEET_LIMIT = 1_048_576
"""Rows that a sheet of a workbook holds ("Excel specifications and limits", Microsoft)."""

_CREDENTIALS_WORK = frozenset({Outcome.CREATED, Outcome.UNCHANGED})


class Pile(StrEnum):
    """Rows that are told together; the value is the end of the CSV file's name."""

    CREATED = "created"  # the credentials work, and are handed over
    SKIPPED = "skipped"  # somebody else's endpoints
    REMOVED = "removed"  # by an undo; or gone before it
    KEPT = "kept"  # by an undo
    FAILED = "failed"  # refused, by the vendor or by our checks, or in doubt
    UNPROCESSED = "unprocessed"  # the run stopped before them


SHEETS = {
    "provision": {
        Pile.CREATED: "Credentials",
        Pile.SKIPPED: "Skipped",
        Pile.FAILED: "Failed",
        Pile.UNPROCESSED: "Failed",
    },
    "undo": {
        Pile.REMOVED: "Removed",
        Pile.KEPT: "Kept",
        Pile.FAILED: "Failed",
        Pile.UNPROCESSED: "Failed",
    },
}
"""The piles that a run of each kind has, and the sheet that each of them is in."""

_PILES = {
    Outcome.EXISTS: Pile.SKIPPED,
    Outcome.REMOVED: Pile.REMOVED,
    Outcome.GONE: Pile.REMOVED,
    Outcome.KEPT: Pile.KEPT,
    Outcome.UNPROCESSED: Pile.UNPROCESSED,
}


def pile_of(row: ResultRow) -> Pile:
    """Tell the one pile that a row belongs to."""
    if row.handed_over or row.outcome in _CREDENTIALS_WORK:
        return Pile.CREATED
    return _PILES.get(row.outcome, Pile.FAILED)


def has_old_username(theirs: Sequence[str]) -> bool:
    """Tell whether the first of the source's own columns is what users were called before."""
    return bool(theirs) and theirs[0] == OLD_USERNAME


def with_old_beside(cells: list[_T]) -> list[_T]:
    """Move the first of the source's own cells beside the username.

    Intake knows that beginning, too.

    Args:
        cells: of a row or the header: `COLUMNS`, then the source's own.
    """
    cells.insert(1, cells.pop(len(COLUMNS)))
    return cells


class Tally:
    """Counts the rows that a results file holds, while they go by."""

    def __init__(self) -> None:
        self.piles: Counter[Pile] = Counter()
        self.outcomes: Counter[Outcome] = Counter()
        self.reset = 0  # of the outcome `exists`: those that were given a new password

    def add(self, row: ResultRow, pile: Pile) -> None:
        """Count one row."""
        self.piles[pile] += 1
        self.outcomes[row.outcome] += 1
        if row.outcome is Outcome.EXISTS and pile is Pile.CREATED:
            self.reset += 1

    @property
    def rows(self) -> int:
        """All rows counted."""
        return self.outcomes.total()
