"""Before a run's first row: what the vendor's list tells goes into the ledger, when that pays.

Usernames that the ledger does not know become somebody else's; rows that ask for them need no
call any more. What it knows already, above all what is in doubt, stays as it is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.errors import ListError
from bulk_provision.ledger import Decided
from bulk_provision.listing import ListReader
from bulk_provision.model import OnExists, Problem
from bulk_provision.plan import Remembered, decide
from bulk_provision.ways import (
    Choice,
    Way,
    pages_of,
    sample_of,
    way_after_first_page,
    way_after_sample,
    way_before,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.calling import Tools
    from bulk_provision.ledger import Book, Listings, OpenRow, Vault
    from bulk_provision.listing import Listing
    from bulk_provision.plan import Policy


_LOOKS = 2  # attempts at the first page: while they last, nobody sees that the vendor is dead


class Filled(NamedTuple):
    """What the vendor's list did for a run.

    Args:
        choice: which way was taken, and why.
        known: usernames that the ledger learned from it.
        settled: rows that need no call any more.
        problem: what is to be told about the list; None: nothing.
    """

    choice: Choice
    known: int = 0
    settled: int = 0
    problem: Problem | None = None


def choose(book: Book, policy: Policy, new: int) -> Choice:
    """Choose a way for a staged run, before any call.

    Args:
        book: the account's part of the ledger.
        policy: the run's choices.
        new: rows that are to be created, as far as the ledger knows.
    """
    return way_before(
        policy.reconcile,
        new=new,
        is_empty=book.is_empty(),
        recheck=policy.recheck,
        total=book.last_listed(),
    )


@dataclass(slots=True)
class Filling:
    """Fills the ledger for one run.

    Args:
        tools: of the run.
        listings: the account's readings of the list.
        reader: reads it.
        run_id: whose rows ask.
        new: rows that are to be created, as far as the ledger knows.
    """

    tools: Tools
    listings: Listings
    reader: ListReader
    run_id: int
    new: int

    async def fill(self, choice: Choice) -> Filled:
        """Do what the choice says; a list that cannot be used leaves the rows to be called.

        Raises:
            Halted: nothing more may leave.
        """
        try:
            if choice.way is Way.SAMPLE:
                choice = await self._look()
            if choice.way is Way.LIST:
                listing = await self.reader.read()
                return await asyncio.to_thread(self._use, listing, choice)
        except ListError as problem:
            why = "TeleCMI's list cannot be used"
            return Filled(Choice(Way.ROWS, why), problem=_cannot_be_used(problem))
        return await asyncio.to_thread(self._use_sample, choice)

    async def _look(self) -> Choice:
        """Look at the first page, and at a few others if these are to tell."""
        first = await self.reader.first_page(min(_LOOKS, self.tools.pace.attempts))
        pages = pages_of(first.total, self.reader.size)
        on_exists = self.tools.policy.on_exists
        if await asyncio.to_thread(self.listings.broken_off, first.total):
            return Choice(Way.LIST, "its reading was broken off, and goes on", first.total)
        choice = way_after_first_page(self.new, first.total, pages, on_exists)
        if choice.way is not Way.SAMPLE:
            return choice
        await self.reader.sample(sample_of(pages))
        names = self.reader.seen()
        asked_for = await asyncio.to_thread(self.listings.asked_for, self.run_id, names)
        return way_after_sample(
            total=first.total,
            pages=pages,
            named=len(names),
            asked_for=asked_for,
            on_exists=on_exists,
        )

    def _use_sample(self, choice: Choice) -> Filled:
        """Keep what was seen of the list, although it is not read."""
        names = self.reader.seen()
        if not names or self.tools.policy.on_exists is OnExists.COMPARE:
            return Filled(choice)  # to compare, the row's own call has to be made anyway
        known = self.listings.know(self.run_id, names)
        return Filled(choice, known, self._decide())

    def _use(self, listing: Listing, choice: Choice) -> Filled:
        compare = None
        if self.tools.policy.on_exists is OnExists.COMPARE:
            compare = _comparing(self.tools.book.vault)
        known = self.listings.use(listing.id, self.run_id, compare)
        self.listings.end(listing.id)
        problem = None if listing.is_settled else _kept_moving(listing)
        return Filled(choice._replace(total=listing.total), known, self._decide(), problem)

    def _decide(self) -> int:
        """Settle the rows that need no call any more; return how many."""
        settled = 0
        for page in self.tools.book.open_rows(self.run_id, unsettled=False):
            decided = [made for row in page if (made := self._decided(row)) is not None]
            self.listings.decide(self.run_id, decided)
            settled += sum(made.outcome is not None for made in decided)
        return settled

    def _decided(self, row: OpenRow) -> Decided | None:
        if row.known is None:
            return None
        vault = self.tools.book.vault
        of_sheet = "" if row.sealed is None else vault.open(row.username, row.sealed)
        decision = decide(row.username, of_sheet, row.known, self.tools.policy, vault)
        if isinstance(decision, Remembered):
            return Decided(row.seq, None, *decision)
        return Decided(row.seq, decision)


def _comparing(vault: Vault) -> Callable[[str, str, str], str]:
    """Return what compares: the ledger keeps what was found, and for which password."""

    def compare(username: str, of_sheet: str, held: str) -> str:
        result = "none"
        if of_sheet:
            result = "same" if of_sheet == held else "other"
        return f"{result} {vault.mark(username, of_sheet)}"

    return compare


def _kept_moving(listing: Listing) -> Problem:
    return Problem(
        "list-moved",
        "TeleCMI's list",
        f"{listing.found:,} usernames of {listing.total:,}",
        "TeleCMI's list kept moving while it was read, or does not add up: what it does not name "
        "may exist all the same",
        "There is nothing to do: such rows are called for one by one.",
        warning=True,
    )


def _cannot_be_used(problem: ListError) -> Problem:
    return Problem(
        "list-unusable",
        "TeleCMI's list",
        "",
        problem.what.rstrip("."),
        "There is nothing to do: every row is called for by itself.",
        warning=True,
    )
