"""How the tests of the pace call: workers that take turns, and a lease that is what it is told."""

from __future__ import annotations

import asyncio
import random

from bulk_provision.errors import LeaseLostError
from bulk_provision.model import Pace
from bulk_provision.pace import Halted, Pacer
from virtual_time import VirtualTimeLoop


class Held:
    """A lease that is fresh, stale (until it is confirmed), or lost."""

    def __init__(self, state: str = "fresh") -> None:
        self.state = state
        self.confirmed = 0

    def is_fresh(self) -> bool:
        return self.state == "fresh"

    def confirm(self) -> None:
        self.confirmed += 1
        if self.state == "lost":
            raise LeaseLostError("taken over")
        self.state = "fresh"


def loop() -> VirtualTimeLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualTimeLoop)
    return running


def now() -> float:
    return loop().time()


def pacer(lease: Held | None = None, **limits) -> Pacer:
    """A pacer; no limit of the rate unless it is told."""
    return Pacer(Pace(**{"rate": None, **limits}), lease or Held())


async def take(pace: Pacer, count: int, *, waiting: int = 20) -> list[float]:
    """Take so many turns, with so many coroutines waiting at any time; return when they came."""
    left, came = count, []

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await pace.turn()
            came.append(now())

    await asyncio.gather(*(worker() for _ in range(waiting)))
    return came


async def halts(pace: Pacer) -> bool:
    """Whether nothing more may leave."""
    try:
        await pace.turn()
    except Halted:
        return True
    return False


def now_and_then_late(seed: int, usual: float, longest: float) -> None:
    """Let the loop wake up a little too late as a rule, and much too late now and then."""
    draw = random.Random(seed)

    def lateness() -> float:
        return draw.uniform(0, longest if draw.random() < 0.02 else usual)

    loop().lateness = lateness


def most_in(came: list[float], seconds: float) -> int:
    """The most turns that fell into any span of time of this length (its end not included)."""
    most = first = 0
    for last, at in enumerate(came):
        while at - came[first] >= seconds - 1e-9:
            first += 1
        most = max(most, last - first + 1)
    return most
