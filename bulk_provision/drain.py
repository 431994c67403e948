"""The loop: takes rows from the ledger, sends each on its journey, records how it ended.

There are more hands than seats: while some rows wait for a commit, a back-off or a settle time,
others use the connections, so that the configured rate is reached while there is work.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING

from bulk_provision.errors import LeaseLostError, LedgerWriteError
from bulk_provision.journey import Journey, Tools
from bulk_provision.model import ExitCode, Outcome
from bulk_provision.pace import Halt
from bulk_provision.plan import step_for, stray_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulk_provision.ledger import Settled
    from bulk_provision.plan import Step

_HANDS_PER_SEAT = 4
_MORE_HANDS = 16


class Drain:
    """Works off a run's open rows.

    Args:
        tools: what journeys work with.
        run_id: whose rows.
    """

    def __init__(self, tools: Tools, run_id: int) -> None:
        self._tools = tools
        self._run_id = run_id
        self._hands: set[asyncio.Task[None]] = set()
        self._aborted = False
        self.done: Counter[Outcome] = Counter()

    async def run(self) -> None:
        """Work until there is nothing left, or until the pacer is halted.

        Old doubts come first: those of endpoints that no row asks for, then those of rows.
        """
        book, policy = self._tools.book, self._tools.policy
        strays = await asyncio.to_thread(book.stray_doubts, self._run_id)
        await self._work_off(iter([[stray_step(*stray, book.vault) for stray in strays]]))
        for unsettled in (True, False):
            pages = book.open_rows(self._run_id, unsettled=unsettled)
            await self._work_off(
                [step_for(row, policy, book.vault) for row in page] for page in pages
            )

    def abort(self) -> None:
        """Do not wait for the calls under way: their rows are in doubt."""
        self._aborted = True
        for hand in self._hands:
            hand.cancel()

    async def _work_off(self, pages: Iterator[Iterable[Step]]) -> None:
        supply = _Supply(pages)
        count = self._tools.pace.concurrency * _HANDS_PER_SEAT + _MORE_HANDS
        self._hands = {asyncio.create_task(self._hand(supply)) for _ in range(count)}
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

    async def _hand(self, supply: _Supply) -> None:
        pacer = self._tools.pacer
        try:
            while pacer.halt is None and (step := await supply.next()) is not None:
                ending = await Journey(self._tools, step, lambda: self._aborted).end()
                if ending is not None:
                    await self._record(ending)
        except (LedgerWriteError, LeaseLostError) as problem:
            pacer.stop(Halt(ExitCode(problem.exit_code), problem.what))
            raise
        except BaseException as problem:
            pacer.stop(Halt(ExitCode.BUG, f"a {type(problem).__name__} inside the program"))
            raise

    async def _record(self, ending: Settled) -> None:
        await self._tools.journal.write(ending)
        if ending.seq is not None:
            self.done[ending.outcome] += 1


class _Supply:
    """Hands out steps one by one; reads the next page of them from the ledger when needed."""

    def __init__(self, pages: Iterator[Iterable[Step]]) -> None:
        self._pages = pages
        self._steps: deque[Step] = deque()
        self._reading = asyncio.Lock()

    async def next(self) -> Step | None:
        while not self._steps:
            async with self._reading:
                if self._steps:
                    break
                page = await asyncio.to_thread(next, self._pages, None)
                if page is None:
                    return None
                self._steps.extend(page)
        return self._steps.popleft()
