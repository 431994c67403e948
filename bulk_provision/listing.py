"""Reading the vendor's whole list: ten endpoints a page, in order, at the account's pace.

The list is no snapshot: it may move while it is read, and a name that slips over a page's edge is
then missed or met twice. So the count that each answer tells is compared with the first one, and
in the end with the names that were found. A list that moved is read again, READINGS times in all;
then what was seen is told to be seen, and nothing is concluded from what was not.

Pages are asked for side by side and written down in their order, so that a reading that was
killed is taken up at the page where it was, if the count is still the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.calling import call_once, stop_if_refused, until_clear
from bulk_provision.errors import ListError
from bulk_provision.ledger import ListedPage
from bulk_provision.pace import Halted
from bulk_provision.piopiy import Call, Kind, Request
from bulk_provision.ways import pages_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulk_provision.calling import Tools
    from bulk_provision.ledger import Listings
    from bulk_provision.piopiy import Verdict

READINGS = 3
_DOCUMENTED_SIZE = 10
MOST_ENDPOINTS = 5_000_000  # a list that claims more is not believed
_AHEAD = 32  # pages asked for beyond those that have a seat: one slow answer does not stop the rest
_FLUSH_EVERY = 100  # pages: what waits for the disk stays bounded
_GROWTH = 1.1  # a list that grows faster than it is read is not followed for ever
_GROWTH_PAGES = 10


class Listing(NamedTuple):
    """The list, read to its end; its rows are in the ledger.

    Args:
        id: of the reading.
        total: endpoints, as the last answer said.
        found: usernames that were found.
        is_settled: whether it adds up: what was not found, does not exist. False: it kept moving.
    """

    id: int
    total: int
    found: int
    is_settled: bool


class _MovedError(Exception):
    """The list has another length than when its reading began."""


class ListReader:
    """Reads the vendor's list.

    Args:
        tools: of the run.
        listings: where its rows go.
    """

    def __init__(self, tools: Tools, listings: Listings) -> None:
        self._tools = tools
        self._listings = listings
        self._calls: set[asyncio.Task[Verdict]] = set()
        self._aborted = False
        self._first: Verdict | None = None
        self._sampled: dict[int, Verdict] = {}
        self.page = self.pages = 0  # how far it is

    def abort(self) -> None:
        """Do not wait for the calls under way."""
        self._aborted = True
        for call in self._calls:
            call.cancel()

    @property
    def size(self) -> int:
        """How many endpoints a full page has: ten, unless the first of several has others."""
        if self._first is None:
            return 0
        on_first = len(self._first.entries)
        return on_first if on_first < self._first.total else max(on_first, _DOCUMENTED_SIZE)

    async def first_page(self, attempts: int | None = None) -> Verdict:
        """Ask for the first page: it tells how long the list is, and how long its pages are.

        Args:
            attempts: how often it is asked for at most; None: as often as any call.

        Raises:
            ListError: the list cannot be read.
            Halted: nothing more may leave.
        """
        self._first = first = await self._ask(1, attempts)
        if first.total > MOST_ENDPOINTS:
            raise _unusable(f"it claims to have {first.total:,} endpoints")
        if first.total and not first.entries:
            raise _unusable(f"it claims to have {first.total:,} endpoints, and page 1 is empty")
        self.pages = pages_of(first.total, self.size)
        return first

    async def sample(self, pages: list[int]) -> None:
        """Ask for some pages; a reading that follows does not ask for them again."""
        asked = [asyncio.create_task(self._ask(page)) for page in pages]
        try:
            self._sampled = dict(zip(pages, await asyncio.gather(*asked), strict=True))
        finally:
            await _end(asked)

    def seen(self) -> list[str]:
        """Return the usernames of the first page and of the sample."""
        pages = [*([self._first] if self._first else []), *self._sampled.values()]
        return list({name: None for page in pages for name, _ in page.entries})

    async def read(self) -> Listing:
        """Read all of it, or go on where an earlier reading was broken off.

        Raises:
            ListError: the list cannot be read.
            Halted: nothing more may leave.
        """
        first = self._first or await self.first_page()
        begun = await asyncio.to_thread(self._listings.broken_off, first.total)
        page = begun.next_page if begun else 1
        listing_id = begun.id if begun else None
        for reading in range(1, READINGS + 1):
            if listing_id is None:
                listing_id = await asyncio.to_thread(self._listings.begin, first.total)
            with contextlib.suppress(_MovedError):
                last_count = await self._read_from(page, listing_id, is_last=reading == READINGS)
                found = await asyncio.to_thread(self._listings.distinct, listing_id)
                is_settled = found == last_count == first.total
                if is_settled or reading == READINGS:
                    return Listing(listing_id, last_count, found, is_settled)
            self._sampled = {}
            listing_id, page = None, 1
            first = await self.first_page()
        raise AssertionError("the last reading ends with a listing")

    async def _read_from(self, page: int, listing_id: int, *, is_last: bool) -> int:
        """Read from a page to the end; return the last count that was told.

        Args:
            page: where to begin.
            listing_id: the reading.
            is_last: whether the list is to be followed to its end, even if it moves.

        Raises:
            _MovedError: its length has changed.
        """
        assert self._first is not None
        count, most = self._first.total, self.pages * _GROWTH + _GROWTH_PAGES
        self.page = page - 1
        async for number, verdict in self._in_order(page):
            if verdict.total != count and not is_last:
                raise _MovedError
            count = verdict.total
            self.pages = min(pages_of(count, self.size), int(most))
            self._note(listing_id, number, verdict)
            self.page = number
            if number % _FLUSH_EVERY == 0:
                await self._tools.journal.flush()
        await self._tools.journal.flush()
        return count

    async def _in_order(self, page: int) -> AsyncIterator[tuple[int, Verdict]]:
        """Yield pages in their order; so many are asked for at the same time as there are seats."""
        most = self._tools.pace.concurrency + _AHEAD
        window: deque[asyncio.Task[Verdict]] = deque()
        number, following = page, page
        try:
            while True:
                while following <= self.pages and len(window) < most:
                    window.append(asyncio.create_task(self._page(following)))
                    following += 1
                if not window:
                    return
                yield number, await window.popleft()
                number += 1
        finally:
            await _end(list(window))

    async def _page(self, number: int) -> Verdict:
        if number == 1 and self._first is not None:
            return self._first
        return self._sampled.get(number) or await self._ask(number)

    def _note(self, listing_id: int, number: int, verdict: Verdict) -> None:
        seal = self._tools.book.vault.seal
        entries = tuple((name, seal(name, password)) for name, password in verdict.entries)
        self._tools.journal.note(ListedPage(listing_id, number, verdict.total, entries))

    async def _ask(self, number: int, attempts: int | None = None) -> Verdict:
        """Ask for a page until the answer is clear, and see that it can be this page's."""
        request = Request(Call.LIST, page=number)

        async def once() -> Verdict:
            verdict, _ = await call_once(self._tools, request, lambda: self._aborted)
            stop_if_refused(verdict)
            return verdict

        asking = asyncio.ensure_future(
            until_clear(once, self._tools.pacer, attempts or self._tools.pace.attempts)
        )
        self._calls.add(asking)
        asking.add_done_callback(self._calls.discard)
        verdict = await self._unless_aborted(asking)
        if verdict.kind is not Kind.DONE:
            raise _unusable(f"page {number}: {verdict.detail}")
        self._check(number, verdict)
        return verdict

    async def _unless_aborted(self, asking: asyncio.Task[Verdict]) -> Verdict:
        try:
            return await asking
        except asyncio.CancelledError:
            if self._aborted and asking.cancelled():
                raise Halted from None
            asking.cancel()
            raise

    def _check(self, number: int, verdict: Verdict) -> None:
        if number == 1 or self._first is None:
            return
        if verdict.entries == self._first.entries:
            raise _unusable(f"page {number} is the same as page 1")
        if not verdict.entries and (number - 1) * self.size < verdict.total:
            raise _unusable(
                f"page {number} is empty, and there shall be {verdict.total:,} endpoints"
            )


async def _end(calls: list[asyncio.Task[Verdict]]) -> None:
    """End what is still under way, and see what came of it, so that nothing is left behind."""
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


def _unusable(why: str) -> ListError:
    return ListError(
        f"TeleCMI's list of endpoints cannot be used: {why}.",
        "Run the same command again later; if it stays so, tell TeleCMI. "
        "Nothing there was changed.",
    )
