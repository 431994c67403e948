"""An event loop whose clock jumps ahead instead of sleeping, so that hours pass in milliseconds.

    result = run(main())                     # a coroutine, on a loop of its own

    @on_virtual_time
    async def test_something():              # a whole test
        await asyncio.sleep(3600)

The clock stands still while real threads are at work for the loop (`asyncio.to_thread`, a journal
that commits to a real disk), and for about a millisecond when sockets are open, so that nothing
real is overtaken. It jumps to the next timer when nothing else is left to wait for.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest import mock

from bulk_provision.ledger.journal import Journal

T = TypeVar("T")

START = 10_000.0  # a monotonic clock's zero means nothing
GRACE = 0.001  # real seconds for sockets to have their say
LONGEST_WORK = 10.0  # real seconds: a thread that takes longer waits for virtual time, it seems


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """See the module.

    Attributes:
        lateness: asked at every jump: by how many seconds the loop wakes up too late.
    """

    def __init__(self) -> None:
        self._now = START
        self._real_work: set[asyncio.Future[Any]] = set()
        self.lateness: Callable[[], float] = lambda: 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass at once, as if the loop had been blocked for so long."""
        self._now += seconds

    def stand_still_for(self, future: asyncio.Future[T]) -> asyncio.Future[T]:
        """Let no time pass until a future is done that a real thread works for."""
        self._real_work.add(future)
        future.add_done_callback(self._real_work.discard)
        return future

    @property
    def is_standing_still(self) -> bool:
        return any(not future.done() for future in self._real_work)

    def run_in_executor(self, executor, func, *args):
        return self.stand_still_for(super().run_in_executor(executor, func, *args))

    async def shutdown_default_executor(self, *args, **kwargs):
        ended = self.stand_still_for(self.create_future())
        await super().shutdown_default_executor(*args, **kwargs)
        ended.set_result(None)


class _JumpingSelector(selectors.DefaultSelector):
    """Looks at what is real, and lets the loop's clock jump when there is nothing."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None):
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        events = super().select(self._real_seconds())
        if not events:
            self._loop.advance(timeout + self._loop.lateness())
        return events

    def _real_seconds(self) -> float:
        if self._loop.is_standing_still:
            return LONGEST_WORK
        sockets = len(self.get_map()) > 1  # beside the loop's own, by which threads wake it up
        return GRACE if sockets else 0


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on virtual time; asyncio-throttle's clock and the journal are in on it."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualTimeLoop)
        write = Journal.write

        def awaited_write(journal: Journal, *entries: Any) -> asyncio.Future[None]:
            return loop.stand_still_for(write(journal, *entries))

        with (
            mock.patch("asyncio_throttle.throttler.time", SimpleNamespace(monotonic=loop.time)),
            mock.patch.object(Journal, "write", awaited_write),
        ):
            return runner.run(main)


def on_virtual_time(test: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
    """Make a coroutine function a plain one that runs it on virtual time."""

    @functools.wraps(test)
    def on_a_loop_of_its_own(*args: Any, **kwargs: Any) -> T:
        return run(test(*args, **kwargs))

    return on_a_loop_of_its_own
