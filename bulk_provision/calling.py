"""One call, whoever makes it: its seat, its turn, its answer's meaning, its place in the ledger."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision import failpoints
from bulk_provision.ledger import Attempt
from bulk_provision.model import ExitCode
from bulk_provision.pace import Halt, Halted
from bulk_provision.piopiy import Kind, Reply, Request, judge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bulk_provision.ledger import Book, Journal
    from bulk_provision.model import Pace
    from bulk_provision.pace import Pacer
    from bulk_provision.piopiy import Sender, Verdict
    from bulk_provision.plan import Policy

_CLEAR = (Kind.DONE, Kind.ABSENT, Kind.REFUSED, Kind.EXISTS)


class Tools(NamedTuple):
    """What everything that calls works with, in one run."""

    book: Book
    journal: Journal
    sender: Sender
    pacer: Pacer
    pace: Pace
    policy: Policy
    seats: asyncio.Semaphore  # the calls that may be under way at the same time


class Answered(NamedTuple):
    """What came of a call: what its answer means, and whether the request may have left."""

    verdict: Verdict
    sent: bool


async def call_once(tools: Tools, request: Request, is_aborted: Callable[[], bool]) -> Answered:
    """Make one call, write down the attempt, and tell the pacer how it went.

    An answer of 420 stops the pacer; `stop_if_refused` then ends whoever asked.

    Args:
        tools: of the run.
        request: what is asked.
        is_aborted: asked when this coroutine is cancelled: True when the user would not wait for
            the calls under way, False when the caller is going.

    Raises:
        Halted: nothing more may leave.
    """
    began = time.monotonic()
    reply = await _send(tools, request, is_aborted)
    failpoints.reach("answer-received")
    verdict = judge(request, reply)
    _tell_pacer(tools.pacer, verdict)
    seconds = time.monotonic() - began
    tools.journal.note(
        Attempt(request.username, request.call, seconds, verdict.kind, verdict.code, verdict.detail)
    )
    if verdict.kind is Kind.ACCOUNT_REFUSED:
        tools.pacer.stop(Halt(ExitCode.ACCOUNT_REFUSED, verdict.detail))
    return Answered(verdict, reply.sent)


def stop_if_refused(verdict: Verdict) -> None:
    """End whoever asked when no call of this account can succeed (raises Halted)."""
    if verdict.kind is Kind.ACCOUNT_REFUSED:
        raise Halted


async def until_clear(
    call: Callable[[], Awaitable[Verdict]], pacer: Pacer, attempts: int
) -> Verdict:
    """Make a call until its answer is clear, or its attempts are used up."""
    attempt = 0
    while True:
        verdict = await call()
        if verdict.kind in _CLEAR:
            return verdict
        if verdict.kind is Kind.BUSY:
            continue  # nothing was tried: the pace holds the account back
        attempt += 1
        if attempt >= attempts:
            return verdict
        await pacer.back_off(attempt)


async def _send(tools: Tools, request: Request, is_aborted: Callable[[], bool]) -> Reply:
    has_left = False

    async def turn() -> None:
        nonlocal has_left
        await tools.pacer.turn()
        has_left = True
        failpoints.reach("turn-taken")

    async with tools.seats:
        await tools.pacer.ready()
        try:
            return await tools.sender.send(request, turn)
        except asyncio.CancelledError:
            if not is_aborted():
                if has_left:  # it was a call, although nobody is there to hear of its answer
                    detail = "the answer was not waited for"
                    tools.journal.note(
                        Attempt(request.username, request.call, 0.0, Kind.DOUBT, "", detail)
                    )
                raise
            return Reply(has_left, trouble="the run was interrupted before the answer")


def _tell_pacer(pacer: Pacer, verdict: Verdict) -> None:
    match verdict.kind:
        case Kind.BUSY:
            pacer.busy(verdict.retry_after)
        case Kind.UNSENT:
            pacer.broken(verdict.detail)
        case Kind.DOUBT if not verdict.acknowledged:
            if verdict.retry_after is not None:
                pacer.pause(verdict.retry_after)
            pacer.broken(verdict.detail)
        case Kind.ASTRAY:
            pacer.astray(verdict.detail)
        case _:
            pacer.good()
