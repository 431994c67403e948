"""One row's way from intent to outcome: what is called, in which order, and what answers mean.

    CREATE ── intent ── add_sip ─┬─ 200 ─────────────────────────────▶ created
                  ▲              ├─ 400, clear ──────────────────────▶ exists (skip, compare, reset)
                  │              ├─ 400, unclear ── get_sip ────┬─ our password ──▶ created
                  │              │                              ├─ another ───────▶ exists
                  ├── no such user (not created: again) ────────┘─ no answer ─────▶ in_doubt
                  ├── not sent, or no clear answer (doubt) ─┤   back-off, then again
                  │                                         └─ attempts used up: settle time,
                  │                                            get_sip, as above
                  │              ├─ 502 of the vendor ────────────────▶ failed
                  │              └─ 420 ──────────────────────────────▶ the run halts
    SETTLE ── get_sip ── (an earlier run's doubt) as after a 400; no such user ── CREATE
    VERIFY ── get_sip ── (--recheck of our own) as after a 400; no such user ── CREATE
    COMPARE ─ get_sip ────────────────────────────────────────────────▶ exists, compared
    RESET ─── intent ── update_sip ── (doubt is settled by get_sip) ──▶ exists, reset

A 400 is clear when it is the vendor's own (its body says the code) and answers the very first
add_sip for the username: any later one may have found what an earlier one made, whatever that one's
answer said.

A row that is halted before any request may have had an effect ends without an outcome: it is
"unprocessed" when the run is closed.
"""

from __future__ import annotations

import asyncio
import time
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision import endings, failpoints
from bulk_provision.ledger import Attempt, Intent
from bulk_provision.model import ExitCode, OnExists
from bulk_provision.pace import Halt, Halted
from bulk_provision.piopiy import Call, Kind, Reply, Request, judge
from bulk_provision.plan import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.ledger import Book, Journal, Settled
    from bulk_provision.model import Pace
    from bulk_provision.pace import Pacer
    from bulk_provision.piopiy import Sender, Verdict
    from bulk_provision.plan import Policy, Step


class Tools(NamedTuple):
    """What every journey of a run works with."""

    book: Book
    journal: Journal
    sender: Sender
    pacer: Pacer
    pace: Pace
    policy: Policy
    seats: asyncio.Semaphore  # the calls that may be under way at the same time


class Found(Enum):
    """What a read-back found."""

    OURS = "the vendor holds a password that we sent"
    OTHERS = "the vendor holds a password that we never sent"
    ABSENT = "the vendor holds no such username"
    UNREADABLE = "no clear answer"


class Journey:
    """A row on its way.

    Args:
        tools: shared by all journeys of the run.
        step: the row, and what to begin with.
        is_aborted: asked when this coroutine is cancelled: True when the user would not wait for
            the calls under way (their effect is then in doubt), False when the caller is going.
    """

    def __init__(self, tools: Tools, step: Step, is_aborted: Callable[[], bool]) -> None:
        self._tools = tools
        self._step = step
        self._is_aborted = is_aborted
        # A request left, and what it did is not known: it must be settled.
        self._doubted = step.action is Action.SETTLE
        # An add_sip may have left, whatever its answer said: a 400 is not taken at its word.
        self._asked = step.doubted
        self._acknowledged = step.acknowledged
        self._intended = ""  # the purpose of the intent that is committed

    async def end(self) -> Settled | None:
        """Go the whole way; return how it ended, or None when the run was halted before."""
        try:
            match self._step.action:
                case Action.CREATE:
                    return await self._create()
                case Action.SETTLE:
                    return await self._settle()
                case Action.VERIFY:
                    return await self._verify()
                case Action.COMPARE:
                    return await self._compare()
                case Action.RESET:
                    return await self._reset()
        except (Halted, asyncio.CancelledError) as ended:
            if isinstance(ended, asyncio.CancelledError) and not self._is_aborted():
                raise
            if self._doubted:
                return endings.in_doubt(self._step, "the run stopped before it could be settled")
            if self._asked and (halt := self._tools.pacer.halt) is not None:
                return endings.not_done(self._step, halt.reason)
            return None

    async def verify_creation(self) -> tuple[Settled | None, str]:
        """Read back an endpoint that was just created (a canary).

        Returns:
            What must be corrected in the ledger, if anything, and what is wrong ("": nothing).
        """
        try:
            found, verdict, held = await self._read_back()
        except Halted:
            return None, ""
        if found is Found.UNREADABLE:
            return None, f"it could not be read back: {verdict.detail}"
        if held == self._step.password:
            return None, ""
        if found is Found.ABSENT:
            detail = "TeleCMI said that it was created, and then that there is no such username"
            return endings.in_doubt(self._step, detail), detail
        correction = endings.confirmed(
            self._step._replace(purpose="create"), verdict, self._sealed(held), acknowledged=True
        )
        return correction, "TeleCMI holds another password than was sent"

    # -- the five ways --

    async def _create(self) -> Settled:
        await self._intend("create")
        attempt = 0
        while attempt < self._tools.pace.attempts:
            was_asked = self._asked
            verdict = await self._call(Call.ADD)
            if verdict.kind is Kind.DONE:
                return endings.created(self._step, verdict)
            if verdict.kind is Kind.EXISTS:
                if not (was_asked or verdict.by_status):
                    self._asked = False
                    return await self._exists_already()
                self._doubted = True
                if (ending := await self._after_read_back()) is not None:
                    return ending
            if verdict.kind is Kind.REFUSED or self._acknowledged:
                break
            if verdict.kind is Kind.BUSY:
                continue  # nothing was tried: the pace holds the account back
            attempt += 1
            if attempt < self._tools.pace.attempts:
                await self._tools.pacer.back_off(attempt)
        return await self._last_word(verdict)

    async def _last_word(self, last: Verdict) -> Settled:
        """Attempts are used up, or it makes no sense to go on: settle what is in doubt."""
        if self._doubted:
            if not self._acknowledged:
                await self._tools.pacer.sleep(self._tools.pace.settle)
            if (ending := await self._after_read_back()) is not None:
                return ending
        if last.kind is Kind.REFUSED:
            return endings.refused(self._step, last)
        if not self._doubted:
            return endings.not_reached(self._step, last, doubted=self._asked)
        return endings.not_created(self._step, last, self._tools.pace.attempts)

    async def _settle(self) -> Settled:
        """Find out what an earlier run's request did, and go on from there."""
        ending = await self._after_read_back()
        if ending is None and self._step.seq is None:
            ending = endings.was_not_created(self._step)
        if ending is None:
            ending = await self._create()
        return ending._replace(settles_earlier_runs=True)

    async def _verify(self) -> Settled:
        found, verdict, password = await self._read_back()
        if found is Found.ABSENT:
            return await self._create()
        return endings.verified(
            self._step,
            verdict,
            is_ours=found is Found.OURS,
            is_known=found is not Found.UNREADABLE,
            sealed=self._sealed(password),
        )

    async def _exists_already(self) -> Settled:
        """The username is somebody else's: do what the run was asked to do about that."""
        match self._tools.policy.on_exists:
            case OnExists.SKIP:
                return endings.exists(self._step)
            case OnExists.COMPARE:
                return await self._compare()
            case OnExists.RESET:
                return await self._reset()

    async def _compare(self) -> Settled:
        verdict = await self._ask(Call.GET)
        mark = self._tools.book.vault.mark(self._step.username, self._step.of_sheet)
        return endings.compared(self._step, verdict, mark)

    async def _reset(self) -> Settled:
        await self._intend("change" if self._changes_ours else "reset")
        for attempt in range(1, self._tools.pace.attempts + 1):
            last = await self._ask(Call.UPDATE, attempts=1)
            if last.kind is Kind.DONE:
                return endings.reset(self._step, last, is_change=self._changes_ours)
            if last.kind is Kind.REFUSED:
                break
            if attempt < self._tools.pace.attempts:
                await self._tools.pacer.back_off(attempt)
        if self._doubted:
            await self._tools.pacer.sleep(self._tools.pace.settle)
        if self._doubted or self._step.is_ours:  # a password of ours is not claimed unseen
            return await self._after_reset(last)
        return endings.not_reset(self._step, last)

    async def _after_reset(self, last: Verdict) -> Settled:
        """Settle a reset that was not acknowledged by what the vendor holds."""
        found, verdict, held = await self._read_back()
        if found is Found.UNREADABLE:
            return endings.in_doubt(self._step, verdict.detail)
        if held == self._step.password:
            return endings.reset(self._step, verdict, is_change=self._changes_ours)
        if found is Found.OURS:
            return endings.not_reset(self._step, last, self._sealed(held))
        return endings.lost(self._step, last, is_absent=found is Found.ABSENT)

    @property
    def _changes_ours(self) -> bool:
        """Whether a reset is of an endpoint that we created, not of somebody else's."""
        return self._step.is_ours and self._step.purpose in ("create", "change")

    # -- read-back --

    async def _after_read_back(self) -> Settled | None:
        """Settle a doubt by what the vendor holds; None when it holds no such username."""
        found, verdict, held = await self._read_back()
        match found:
            case Found.OURS:
                return endings.confirmed(
                    self._step._replace(purpose=self._intended or self._step.purpose),
                    verdict,
                    self._sealed(held),
                    acknowledged=self._acknowledged,
                )
            case Found.OTHERS:
                self._doubted = self._asked = False
                if self._step.seq is None or self._tools.policy.on_exists is OnExists.SKIP:
                    return endings.exists(self._step, verdict)
                return await self._exists_already()
            case Found.UNREADABLE:
                return endings.in_doubt(self._step, verdict.detail, acknowledged=self._acknowledged)
            case Found.ABSENT:
                return None

    async def _read_back(self) -> tuple[Found, Verdict, str]:
        """Ask what the vendor holds; return also the password it holds."""
        verdict = await self._ask(Call.GET)
        if verdict.kind is Kind.ABSENT:
            return Found.ABSENT, verdict, ""
        if verdict.kind is not Kind.DONE:
            return Found.UNREADABLE, verdict, ""
        held = verdict.password
        if held == self._step.password or self._acknowledged:
            return Found.OURS, verdict, held
        sent = await asyncio.to_thread(self._tools.book.passwords_sent, self._step.username)
        return (Found.OURS if held in sent else Found.OTHERS), verdict, held

    def _sealed(self, password: str) -> str | None:
        """Seal the password that the vendor holds, when it is not the one of the intent."""
        if password in ("", self._step.password):
            return None
        return self._tools.book.vault.seal(self._step.username, password)

    # -- calls --

    async def _intend(self, purpose: str) -> None:
        """Commit username and password before a request may leave; once for each purpose."""
        if self._intended == purpose:
            return
        step = self._step
        sealed = self._tools.book.vault.seal(step.username, step.password)
        await self._tools.journal.write(
            Intent(step.username, sealed, self._asked, purpose, step.earlier)
        )
        self._intended = purpose

    async def _ask(self, call: Call, attempts: int | None = None) -> Verdict:
        """Make a call until its answer is clear, or its attempts are used up."""
        attempts = attempts or self._tools.pace.attempts
        attempt = 0
        while True:
            verdict = await self._call(call)
            if verdict.kind in (Kind.DONE, Kind.ABSENT, Kind.REFUSED, Kind.EXISTS):
                return verdict
            if verdict.kind is Kind.BUSY:
                continue
            attempt += 1
            if attempt >= attempts:
                return verdict
            await self._tools.pacer.back_off(attempt)

    async def _call(self, call: Call) -> Verdict:
        """Make one call, write down the attempt, and tell the pacer how it went."""
        request = Request(call, self._step.username, self._step.password)
        began = time.monotonic()
        reply = await self._send(request)
        failpoints.reach("answer-received")
        verdict = judge(request, reply)
        if verdict.kind in (Kind.DOUBT, Kind.ASTRAY) and call in (Call.ADD, Call.UPDATE):
            self._doubted = True
            self._acknowledged = self._acknowledged or verdict.acknowledged
        self._asked = self._asked or (reply.sent and call is Call.ADD)
        self._tell_pacer(verdict)
        seconds = time.monotonic() - began
        self._tools.journal.note(
            Attempt(request.username, call, seconds, verdict.kind, verdict.code, verdict.detail)
        )
        if verdict.kind is Kind.ACCOUNT_REFUSED:
            self._tools.pacer.stop(Halt(ExitCode.ACCOUNT_REFUSED, verdict.detail))
            raise Halted
        return verdict

    async def _send(self, request: Request) -> Reply:
        has_left = False

        async def turn() -> None:
            nonlocal has_left
            await self._tools.pacer.turn()
            has_left = True
            failpoints.reach("turn-taken")

        async with self._tools.seats:
            await self._tools.pacer.ready()
            try:
                return await self._tools.sender.send(request, turn)
            except asyncio.CancelledError:
                if not self._is_aborted():
                    raise
                return Reply(has_left, trouble="the run was interrupted before the answer")

    def _tell_pacer(self, verdict: Verdict) -> None:
        pacer = self._tools.pacer
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
