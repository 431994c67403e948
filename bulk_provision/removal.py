"""One row's way in an undo: an endpoint of ours is removed, if it still is ours.

    REMOVE ── get_sip ─┬─ no such user ──────────────────────────────▶ gone
                       ├─ another password ──────────────────────────▶ kept
                       ├─ no clear answer ───────────────────────────▶ unprocessed, in_doubt
                       └─ ours ── intent ── remove_sip ─┬─ 200 ──────▶ removed
                                            ▲           ├─ refused ──▶ failed
                            (ours still) ───┘           ├─ 420 ──────▶ the run halts
                                            │           └─ no clear answer, "no such user" ─┐
                                            ├──────────────────── get_sip ◀── back-off ─────┘
                                            ├─ no such user ─────────▶ removed (or gone)
                                            ├─ another password ─────▶ kept
                                            ├─ ours, attempts over ──▶ failed
                                            └─ no clear answer ──────▶ in_doubt

The first get_sip stands before the intent, so that an intent always means: remove_sip may leave.
What is kept, or gone, needs none. After a doubt nothing is removed unseen: meanwhile the username
may be somebody else's.

An earlier run's doubt about the endpoint (to create it, or to remove it) is settled by that first
get_sip too, for the rows of the runs that it left in doubt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulk_provision import endings, removal_endings
from bulk_provision.journey import Found, Journey
from bulk_provision.piopiy import Call, Kind

if TYPE_CHECKING:
    from bulk_provision.ledger import Settled
    from bulk_provision.piopiy import Verdict


class Removal(Journey):
    """A row of an undo on its way; begins with `Action.REMOVE`."""

    async def _way(self) -> Settled:
        found, verdict, held = await self._read_back()
        if found is Found.UNREADABLE:
            if self._doubted:
                return endings.in_doubt(self._step, verdict.detail, acknowledged=self._acknowledged)
            return removal_endings.not_reached(self._step, verdict, asking=True)
        settled = await self._settle_doubt(found, verdict, held) if self._doubted else None
        match found:
            case Found.ABSENT:
                return removal_endings.gone(self._step, verdict, created=settled)
            case Found.OTHERS:
                return removal_endings.changed(self._step, verdict)
            case Found.OURS:
                return await self._remove()

    async def _settle_doubt(self, found: Found, verdict: Verdict, held: str) -> Settled:
        """Tell the runs that left it in doubt what the read-back found."""
        step = self._step._replace(seq=None)
        match found:
            case Found.ABSENT:
                settled = endings.was_not_created(step)
            case Found.OTHERS:
                settled = endings.exists(step, verdict)
            case _:
                settled = endings.confirmed(
                    step, verdict, self._sealed(held), acknowledged=self._acknowledged
                )
        await self._tell_earlier_runs(settled)
        self._doubted = self._asked = self._acknowledged = False
        # From here on, the password that the vendor holds is the one to be looked for.
        self._step = self._step._replace(password=held or self._step.password)
        return settled

    async def _remove(self) -> Settled:
        await self._intend("remove")
        attempts = self._tools.pace.attempts
        may_be_done = False  # by a request of ours whose answer was not clear
        for attempt in range(1, attempts + 1):
            last = await self._ask(Call.REMOVE, attempts=1)
            if last.kind is Kind.DONE:
                return removal_endings.removed(self._step, last)
            may_be_done = may_be_done or last.kind in (Kind.DOUBT, Kind.ASTRAY)
            # An empty 400 may be a gateway's: it is not believed unseen.
            self._doubted = may_be_done or last.kind is Kind.ABSENT
            is_last = attempt == attempts or last.kind is Kind.REFUSED
            if not is_last:
                await self._tools.pacer.back_off(attempt)
            elif self._doubted:
                await self._tools.pacer.sleep(self._tools.pace.settle)
            if self._doubted:
                ended = await self._after_removal(last, is_last=is_last, is_done=may_be_done)
                if ended is not None:
                    return ended
            if is_last:
                break
        if last.kind is Kind.REFUSED:
            return removal_endings.not_removed(self._step, last, seen=False)
        return removal_endings.not_reached(self._step, last, asking=False)

    async def _after_removal(
        self, last: Verdict, *, is_last: bool, is_done: bool
    ) -> Settled | None:
        """Settle a removal without a clear answer; None when it is to be tried again.

        Args:
            last: its answer.
            is_last: whether the attempts are used up.
            is_done: whether it may have been us, if it is gone now.
        """
        found, verdict, _ = await self._read_back()
        match found:
            case Found.ABSENT if not is_done:
                return removal_endings.gone(self._step, verdict)
            case Found.ABSENT:
                return removal_endings.removed(self._step, verdict, confirmed=True)
            case Found.OTHERS:
                return removal_endings.changed(self._step, verdict)
            case Found.UNREADABLE:
                return endings.in_doubt(self._step, verdict.detail)
            case Found.OURS:
                if is_last:
                    return removal_endings.not_removed(self._step, last, seen=True)
                return None
