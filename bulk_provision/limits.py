"""The limits of a run that nobody watches: a truncated export must not look like a mass change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulk_provision.ledger import Book
    from bulk_provision.model import Caution


def limits_passed(book: Book, run_id: int, caution: Caution) -> str:
    """Say which limits a staged run passes; "" when none, and calls may begin.

    What is new or vanished is measured against the last run: without one, everything would be new,
    and these two limits let it pass.
    """
    if caution.new is None and caution.invalid is None and caution.vanished is None:
        return ""
    change = book.change_since_last(run_id)
    told = []
    if caution.invalid is not None and caution.invalid.is_passed_by(change.invalid, change.rows):
        told.append(
            f"{change.invalid:,} of {change.rows:,} rows are invalid (allowed: {caution.invalid})"
        )
    if change.last_run is None:
        return "; ".join(told)
    if caution.new is not None and caution.new.is_passed_by(change.new, change.rows):
        told.append(f"{change.new:,} of {change.rows:,} rows are new (allowed: {caution.new})")
    if caution.vanished is not None and caution.vanished.is_passed_by(
        change.vanished, change.before
    ):
        told.append(
            f"{change.vanished:,} of the {change.before:,} users of run {change.last_run} are not "
            f"in the source any more (allowed: {caution.vanished})"
        )
    return "; ".join(told)
