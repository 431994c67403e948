"""Which way a run takes to what the vendor has: by its list, or row by row. Pure.

A page of the list costs one call and names ten endpoints. Each of them that the source asks for
saves the call that would find out that it exists. So the list pays when more than one in ten of
its names is asked for; a few pages, spread over it, tell about how many are.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from bulk_provision.model import OnExists, Reconcile

FEWEST_NEW = 100
"""New rows below which `auto` does not think of the list: it could not save much."""

SAMPLED = 5
"""Pages that are read, beside the first one, to find out whether the others are worth it."""


class Way(StrEnum):
    """How a run finds out which of its usernames exist."""

    ROWS = "rows"  # row by row: add_sip tells
    LIST = "list"  # the whole list is read first
    SAMPLE = "sample"  # the list's first page, and a sample of the others, will tell


class Choice(NamedTuple):
    """A way, and why it is taken.

    Args:
        way: which one.
        why: in words, as a part of a sentence.
        total: endpoints on the list, as far as is known; None: not at all.
    """

    way: Way
    why: str
    total: int | None = None


def way_before(
    wanted: Reconcile,
    *,
    new: int,
    is_empty: bool,
    recheck: bool,
    total: int | None,
) -> Choice:
    """Choose a way by what the ledger knows, before any call.

    Args:
        wanted: the user's choice.
        new: rows that are to be created, as far as the ledger knows.
        is_empty: whether the ledger knows no endpoint of the account.
        recheck: whether the vendor is asked again about what is known.
        total: endpoints on the list when it was read last; None: it never was.
    """
    if new == 0:
        return Choice(Way.ROWS, "no row is new", total)
    if wanted is Reconcile.NEVER:
        return Choice(Way.ROWS, "--reconcile never", total)
    if wanted is Reconcile.ALWAYS:
        return Choice(Way.LIST, "--reconcile always", total)
    if not is_empty:
        return Choice(Way.ROWS, "the ledger knows this account already", total)
    if new < FEWEST_NEW:
        return Choice(Way.ROWS, f"only {new:,} rows are new", total)
    if recheck:
        return Choice(Way.ROWS, "--recheck asks TeleCMI about each row anyway", total)
    return Choice(
        Way.SAMPLE, f"the ledger knows nothing of this account, and {new:,} rows are new", total
    )


def pages_of(total: int, size: int) -> int:
    """Return how many pages a list has."""
    return -(-total // size) if size else 0


def way_after_first_page(new: int, total: int, pages: int, on_exists: OnExists) -> Choice:
    """Choose a way when the list's length is known."""
    most = new * _calls_saved(on_exists)
    if total == 0:
        return Choice(Way.ROWS, "TeleCMI's list is empty", total)
    if pages - 1 > most:
        why = f"the list has {pages:,} pages, more than it could save"
        return Choice(Way.ROWS, why, total)
    if pages - 1 <= SAMPLED:
        return Choice(Way.LIST, f"the list has {pages:,} page{'s' if pages > 1 else ''}", total)
    return Choice(Way.SAMPLE, f"the list has {pages:,} pages", total)


def sample_of(pages: int) -> list[int]:
    """Return the pages to look at beside the first one, evenly over the list, its last included."""
    return [1 + round(at * (pages - 1) / SAMPLED) for at in range(1, SAMPLED + 1)]


def way_after_sample(
    *, total: int, pages: int, named: int, asked_for: int, on_exists: OnExists
) -> Choice:
    """Choose a way when a sample of the list is known.

    Args:
        total: endpoints on the list.
        pages: that it has.
        named: usernames in the sample.
        asked_for: those of them that the source asks for.
        on_exists: what is done about usernames that exist.
    """
    left = pages - 1 - SAMPLED
    saved = round(asked_for / named * total * _calls_saved(on_exists)) if named else 0
    told = f"of {named} listed names {asked_for} are asked for: {left:,} more pages would save"
    if saved > left:
        return Choice(Way.LIST, f"{told} about {saved:,} calls", total)
    return Choice(Way.ROWS, f"{told} only about {saved:,} calls", total)


def _calls_saved(on_exists: OnExists) -> int:
    """Return the calls that a listed name saves when the source asks for it."""
    return 2 if on_exists is OnExists.COMPARE else 1  # add_sip, and get_sip to compare
