"""The loop: takes rows from the ledger, sends each on its journey, records how it ended.

There are more hands than seats: while some rows wait for a commit, a back-off or a settle time,
others use the connections, so that the configured rate is reached while there is work.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

from bulk_provision.errors import LeaseLostError, LedgerWriteError
from bulk_provision.journey import Journey, Tools
from bulk_provision.model import ExitCode, Outcome
from bulk_provision.pace import Halt
from bulk_provision.plan import Action, stray_step

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence

    from bulk_provision.ledger import Book, OpenRow
    from bulk_provision.model import Pace
    from bulk_provision.plan import Step

    _Hand = Callable[["_Supply"], Coroutine[None, None, None]]

_HANDS_PER_SEAT = 2
_AHEAD_SECONDS = 0.1  # of the rate: rows whose intents are being committed meanwhile
_FEWEST_AHEAD, _MOST_AHEAD = 32, 64  # each that a killed run had in hand costs a read-back


class Drain:
    """Works off a run's open rows.

    Args:
        tools: what journeys work with.
        run_id: whose rows.
        step_for: says what an open row needs first.
        canary: how many endpoints are created and read back before all others.
    """

    def __init__(
        self,
        tools: Tools,
        run_id: int,
        step_for: Callable[[OpenRow, Book], Step],
        canary: int = 0,
    ) -> None:
        self._tools = tools
        self._run_id = run_id
        self._step_for = step_for
        self._canary = canary
        self._hands: set[asyncio.Task[None]] = set()
        self._aborted = False

    async def run(self) -> None:
        """Work until there is nothing left, or until the pacer is halted.

        Old doubts come first: those of endpoints that no row asks for, then those of rows.
        """
        book = self._tools.book
        strays = await asyncio.to_thread(book.stray_doubts, self._run_id)
        await self._work_off(iter([[stray_step(*stray, book.vault) for stray in strays]]))
        await self._work_off(self._pages(unsettled=True))
        if self._canary:
            await self._work_off(self._pages(unsettled=False), [self._canaries])
        await self._work_off(self._pages(unsettled=False))

    def _pages(self, *, unsettled: bool) -> Iterator[Iterable[Step]]:
        book = self._tools.book
        for page in book.open_rows(self._run_id, unsettled=unsettled):
            yield (self._step_for(row, book) for row in page)

    async def _canaries(self, supply: _Supply) -> None:
        """Create a few endpoints, one after the other, and read each back; halt when one is not so.

        Rows that create nothing (the username exists) are no canaries: the next one is.
        """
        left = self._canary
        with self._halting():
            while left and self._tools.pacer.halt is None:
                step = await supply.next()
                if step is None:
                    return
                if step.action is Action.CREATE:
                    left -= await self._try_canary(step)

    async def _try_canary(self, step: Step) -> bool:
        """Tell whether the row was a canary; halt unless the vendor holds it as it was sent."""
        journey = Journey(self._tools, step, lambda: self._aborted)
        ending = await journey.end()
        if ending is None:
            return False
        self._tools.journal.note(ending)
        if ending.outcome is Outcome.EXISTS:
            return False
        trouble = ending.message
        if ending.outcome is Outcome.CREATED:
            correction, trouble = await journey.verify_creation()
            if correction is not None:
                self._tools.journal.note(correction)
        if trouble and self._tools.pacer.halt is None:
            reason = f"the canary {step.username!r} did not do well: {trouble.rstrip('.')}"
            self._tools.pacer.stop(Halt(ExitCode.STOPPED, reason))
        return True

    def abort(self) -> None:
        """Do not wait for the calls under way: their rows are in doubt."""
        self._aborted = True
        for hand in self._hands:
            hand.cancel()

    async def _work_off(
        self, pages: Iterator[Iterable[Step]], hands: Sequence[_Hand] | None = None
    ) -> None:
        """Let hands work until nothing is left to supply them with; None: as many as usual."""
        if hands is None:
            hands = [self._hand] * _hands(self._tools.pace)
        async with _Supply(pages) as supply:
            self._hands = {asyncio.create_task(hand(supply)) for hand in hands}
            try:
                ended = await asyncio.gather(*self._hands, return_exceptions=True)
            finally:
                for hand in self._hands:
                    hand.cancel()
        for result in ended:
            if isinstance(result, BaseException) and not (
                self._aborted and isinstance(result, asyncio.CancelledError)
            ):
                raise result
        with self._halting():
            await self._tools.journal.flush()

    async def _hand(self, supply: _Supply) -> None:
        """Take row after row on its journey.

        Nobody waits for an outcome to be durable: the next intent is written after it.
        """
        with self._halting():
            while self._tools.pacer.halt is None and (step := await supply.next()) is not None:
                ending = await Journey(self._tools, step, lambda: self._aborted).end()
                if ending is not None:
                    self._tools.journal.note(ending)

    @contextlib.contextmanager
    def _halting(self) -> Iterator[None]:
        """Let nothing more leave once something has failed here, and say why."""
        pacer = self._tools.pacer
        try:
            yield
        except (LedgerWriteError, LeaseLostError) as problem:
            pacer.stop(Halt(ExitCode(problem.exit_code), problem.what))
            raise
        except BaseException as problem:
            pacer.stop(Halt(ExitCode.BUG, f"a {type(problem).__name__} inside the program"))
            raise


def _hands(pace: Pace) -> int:
    """Return how many rows are on their way at the same time."""
    ahead = _MOST_AHEAD if pace.rate is None else int(pace.rate * _AHEAD_SECONDS)
    return pace.concurrency * _HANDS_PER_SEAT + min(max(ahead, _FEWEST_AHEAD), _MOST_AHEAD)


class _Supply:
    """Hands out steps one by one; the next page of them is read while one is worked off.

    Pages come from the ledger, in a thread; their steps are made one by one in the loop, so that
    no thread holds up the calls for a whole page.
    """

    def __init__(self, pages: Iterator[Iterable[Step]]) -> None:
        self._pages = pages
        self._steps: Iterator[Step] = iter(())
        self._turning = asyncio.Lock()
        self._next_page: asyncio.Future[Iterable[Step] | None] | None = None

    async def __aenter__(self) -> Self:
        self._next_page = self._read()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._next_page is not None:
            await asyncio.gather(self._next_page, return_exceptions=True)

    async def next(self) -> Step | None:
        if (step := next(self._steps, None)) is not None:
            return step
        async with self._turning:
            while (step := next(self._steps, None)) is None and self._next_page is not None:
                page = await self._next_page
                self._next_page = None if page is None else self._read()
                self._steps = iter(page or ())
            return step

    def _read(self) -> asyncio.Future[Iterable[Step] | None]:
        return asyncio.ensure_future(asyncio.to_thread(next, self._pages, None))
