"""What a look at one thing found, and looks that may not take for ever."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from bulk_provision.errors import ProvisionError

PATIENCE = 10.0
"""Seconds that each look may take."""


class Health(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"  # the job would run; somebody should look all the same
    FAILED = "failed"  # the job would not run, or not as it should
    SKIPPED = "skipped"  # could not be looked at


class Result(NamedTuple):
    """What a look found.

    Args:
        name: of what was looked at: "secret", "clock".
        health: how it is.
        what: was found; never a secret.
        cure: what to do about it.
    """

    name: str
    health: Health
    what: str
    cure: str = ""


Found = Iterable[Result]


async def in_time(name: str, look: Callable[[], Found]) -> list[Result]:
    """Look, in a thread that nobody waits for longer than PATIENCE.

    A thread of its own, which may outlive us: a file on a server that is gone, or a name that is
    asked for in vain, cannot be interrupted.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Result]] = loop.create_future()

    def tell(found: list[Result] | BaseException) -> None:
        if answer.done():  # nobody waits any more
            return
        if isinstance(found, BaseException):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def work() -> None:
        found: list[Result] | BaseException
        try:
            found = list(look())
        except ProvisionError as problem:
            found = [Result(name, Health.FAILED, problem.what, problem.cure)]
        except OSError as problem:
            found = [Result(name, Health.FAILED, f"{problem}.", "Check its path, owner and mode.")]
        except BaseException as problem:  # noqa: BLE001  (a bug of ours: raised where we are awaited)
            found = problem
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=work, name=f"doctor: {name}", daemon=True).start()
    return await in_time_too(name, _awaited(answer))


async def in_time_too(name: str, look: Coroutine[Any, Any, list[Result]]) -> list[Result]:
    """Look, for no longer than PATIENCE."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await look
    except TimeoutError:
        what = f"there was no end of it within {PATIENCE:.0f} s."
        return [Result(name, Health.FAILED, what, "Try again; look at the disk and the network.")]


async def _awaited(answer: asyncio.Future[list[Result]]) -> list[Result]:
    return await answer
