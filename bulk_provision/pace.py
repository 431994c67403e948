"""How fast calls leave, and when none may: the throttle, back-off, the breaker.

Every call of a run awaits `Pacer.ready()` before it connects and `Pacer.turn()` as its last step
before it leaves, so these hold at the wire and not merely in the queue:

- **an even pace**: calls get slots at equal distances, on an absolute scale, so that a late
  wake-up is made good by the next slot and not by a burst;
- **never more than the rate in any second**: asyncio-throttle stands behind the slots as a gate;
- **one pace for the account**: a 429 or a Retry-After holds back all of it, and lowers the rate
  for a while;
- **stop in time**: after BREAKER_OPENS_AFTER calls in a row without a good answer only single
  probes leave, further and further apart, until one succeeds or patience ends.
"""

from __future__ import annotations

import asyncio
import math
import random
from typing import TYPE_CHECKING, NamedTuple, Protocol

from asyncio_throttle.throttler import Throttler

from bulk_provision.model import ExitCode

if TYPE_CHECKING:
    from bulk_provision.model import Pace

BREAKER_OPENS_AFTER = 10  # calls in a row without a good answer
ASTRAY_STOPS_AFTER = 5  # answers in a row that no endpoint gives
LONGEST_BACKOFF = 30.0  # seconds

# Slots are this much further apart than the rate asks for: 1.5 % of a second is what calls may
# come closer together on their way (jitter of the loop and the network) before the server sees
# one too many in a second. Up to _CREDIT of it is our own lateness.
_SLACK = 0.015
_CREDIT = 0.008  # seconds of lateness that the next slots make good; what is later is lost
_LOOK_AGAIN = 0.1  # seconds after which a sleeper looks whether the run was halted
_LOWER, _RAISE, _LEAST = 0.7, 1.1, 0.05  # what a 429 does to the rate, and what time does
_RAISE_EVERY = 5.0  # seconds without a 429


class Halt(NamedTuple):
    """Why nothing more may leave."""

    exit_code: ExitCode
    reason: str


class Halted(Exception):  # noqa: N818  (a signal between coroutines, not an error)
    """Raised in whoever waits for a turn once the run is halted."""


class Leased(Protocol):
    """What the pacer needs of a lease."""

    def is_fresh(self) -> bool:
        """Tell by the own clock whether the account is surely held."""
        ...

    def confirm(self) -> None:
        """Renew it; raises LeaseLostError."""
        ...


class Pacer:
    """Gives out turns, one at a time; hears of every answer.

    Args:
        pace: the limits.
        lease: confirmed before a turn is given when it is not fresh.
        held_back: seconds before the first turn, since the account's last run has just ended or
            was told to wait.
    """

    def __init__(self, pace: Pace, lease: Leased, *, held_back: float = 0.0) -> None:
        self._pace = pace
        self._lease = lease
        self._loop = asyncio.get_running_loop()
        self._one_beginner = asyncio.Lock()
        self._one_waiter = asyncio.Lock()
        self._rate = pace.rate
        self._gate = None if pace.rate is None else _gate(pace.rate)
        self._next_slot = 0.0
        self._share = 1.0  # of the rate, after 429s
        self._changed_share_at = 0.0
        self._paused_until = self._loop.time() + held_back
        self._failures = 0  # in a row
        self._astray = 0  # in a row
        self._heard_good = False
        self._trouble_since: float | None = None
        self._probing = False
        self._started_at = self._loop.time()
        self.calls = 0
        self.halt: Halt | None = None

    def owed(self) -> float:
        """Return the seconds that the pace wants to pass before another call, of any run."""
        return max(0.0, self._next_slot - self._loop.time(), self._paused_until - self._loop.time())

    @property
    def waits(self) -> bool:
        """Whether calls are held back just now (429, Retry-After, or the breaker)."""
        return self._failures >= BREAKER_OPENS_AFTER or self._paused_until > self._loop.time()

    def stop(self, halt: Halt) -> None:
        """Let nothing more leave; the first reason stays."""
        if self.halt is None:
            self.halt = halt

    async def ready(self) -> None:
        """Wait until a call may begin: to connect, and then to wait for its turn.

        While the breaker is open, one caller at a time gets through: the probe.

        Raises:
            Halted: nothing more may leave.
        """
        if self._is_unhindered():
            return
        async with self._one_beginner:
            while self._probing or self._loop.time() < self._paused_until:
                soon = self._loop.time() + _LOOK_AGAIN
                await self._sleep_until(soon if self._probing else self._paused_until)
            if self.halt is not None:
                raise Halted
            self._probing = self._is_open

    async def turn(self) -> None:
        """Wait until one more call may leave: the last step before it does.

        Raises:
            Halted: nothing more may leave.
            LeaseLostError: somebody else holds the account now.
        """
        if self._rate is None and self._is_unhindered() and self._lease.is_fresh():
            self.calls += 1
            return
        async with self._one_waiter:
            await self._due()
            while not self._lease.is_fresh():  # this process was suspended, say
                await asyncio.to_thread(self._lease.confirm)
                await self._due()  # anew: the slot may be long over
            if self.halt is not None:
                raise Halted
            self.calls += 1

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond a halt (raises Halted)."""
        await self._sleep_until(self._loop.time() + seconds)

    async def back_off(self, attempt: int) -> None:
        """Sleep before another attempt: exponentially longer, with jitter."""
        await self.sleep(_backoff(attempt))

    # -- what was heard --

    def good(self) -> None:
        """An answer came that an endpoint gives."""
        self._failures = self._astray = 0
        self._probing = False
        self._heard_good = True
        self._trouble_since = None
        now = self._loop.time()
        if self._share < 1.0 and now - self._changed_share_at >= _RAISE_EVERY:
            self._share = min(1.0, self._share * _RAISE)
            self._changed_share_at = now

    def busy(self, retry_after: float | None) -> None:
        """The vendor asks for fewer calls (429)."""
        now = self._loop.time()
        self._probing = False
        if now >= self._paused_until:  # once for all the calls that were under way together
            self._share = max(_LEAST, self._share * _LOWER)
            self._changed_share_at = now
            if self._rate is None:  # there was no limit: what was reached is the measure
                self._rate = max(1.0, self.calls / max(1.0, now - self._started_at))
                self._gate = _gate(self._rate)
        self.pause(max(1.0, retry_after or 0.0))
        self._in_trouble("TeleCMI kept asking for fewer calls")

    def pause(self, seconds: float) -> None:
        """Let nothing leave for a while (Retry-After)."""
        if seconds > self._pace.patience:
            reason = f"TeleCMI asks to wait {seconds:.0f} s before the next call"
            self.stop(Halt(ExitCode.STOPPED, reason))
        self._paused_until = max(self._paused_until, self._loop.time() + seconds)

    def broken(self, detail: str) -> None:
        """No answer came, or none that could be understood."""
        now = self._loop.time()
        if self._is_open and not self._probing and now < self._paused_until:
            return  # it was under way when the breaker opened: nothing new
        self._failures += 1
        self._probing = False
        if not self._is_open:
            return
        if not self._heard_good:
            reason = f"TeleCMI did not answer once in {self._failures} calls: {detail}"
            self.stop(Halt(ExitCode.STOPPED, reason))
        self._in_trouble(f"TeleCMI stopped answering: {detail}")
        probes = self._failures - BREAKER_OPENS_AFTER
        self._paused_until = max(self._paused_until, now + _backoff(1 + probes))

    def astray(self, detail: str) -> None:
        """An answer came that no endpoint gives."""
        self._astray += 1
        self._probing = False
        if self._astray >= ASTRAY_STOPS_AFTER:
            reason = f"what answers at the base URL is not TeleCMI's endpoint service: {detail}"
            self.stop(Halt(ExitCode.STOPPED, reason))

    @property
    def _is_open(self) -> bool:
        return self._failures >= BREAKER_OPENS_AFTER

    def _in_trouble(self, reason: str) -> None:
        now = self._loop.time()
        if self._trouble_since is None:
            self._trouble_since = now
        if now - self._trouble_since >= self._pace.patience:
            self.stop(Halt(ExitCode.STOPPED, f"{reason} (for {self._pace.patience:g} s)"))

    # -- waiting --

    def _is_unhindered(self) -> bool:
        """Whether there is nothing to wait for: the usual case, and then no queue is joined."""
        return self.halt is None and not self._is_open and self._loop.time() >= self._paused_until

    async def _due(self) -> None:
        """Wait for a slot at which nothing holds the account back."""
        while True:
            await self._sleep_until(self._paused_until)
            if self._rate is not None and self._gate is not None:
                await self._slot(self._rate * self._share)
                await self._gate.acquire()
            if self._loop.time() >= self._paused_until:  # it may have been moved meanwhile
                return

    async def _slot(self, rate: float) -> None:
        slot = max(self._next_slot, self._loop.time() - _CREDIT)
        self._next_slot = slot + (1 + _SLACK) / rate
        await self._sleep_until(slot)

    async def _sleep_until(self, moment: float) -> None:
        while (left := moment - self._loop.time()) > 0:
            if self.halt is not None:
                raise Halted
            await asyncio.sleep(min(left, _LOOK_AGAIN))


def _gate(rate: float) -> Throttler:
    """Return the throttle that lets no more than `rate` calls, rounded up, pass in any second."""
    if rate < 1:
        return Throttler(rate_limit=1, period=1 / rate, retry_interval=_LOOK_AGAIN)
    return Throttler(rate_limit=math.ceil(rate), period=1.0, retry_interval=0.001)


def _backoff(attempt: int) -> float:
    """Return seconds: 0.5, 1, 2, … at most LONGEST_BACKOFF, ± a quarter."""
    seconds = min(LONGEST_BACKOFF, 0.5 * 2.0 ** min(attempt - 1, 10))
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311  (spreads calls; no secret)
