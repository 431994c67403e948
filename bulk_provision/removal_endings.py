"""How a row of an undo may end: outcome, endpoint state, and the words a person reads about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulk_provision.endings import ending
from bulk_provision.ledger import Settled, State
from bulk_provision.model import Outcome

if TYPE_CHECKING:
    from bulk_provision.piopiy import Verdict
    from bulk_provision.plan import Step

AGAIN = "Run the same command again to try again."
_CHANGED = "Kept: its password at TeleCMI has been changed since; it is not ours any more."


def removed(step: Step, verdict: Verdict, *, confirmed: bool = False) -> Settled:
    """200; or the answer was lost, and the vendor holds no such username any more."""
    how = "; confirmed by read-back, since an answer had been lost" if confirmed else ""
    return ending(step, Outcome.REMOVED, State.REMOVED, f"Removed{how}.", code=verdict.code)


def gone(step: Step, verdict: Verdict, *, created: Settled | None = None) -> Settled:
    """The vendor holds no such username, before this undo has asked for anything.

    Args:
        step: the row.
        verdict: of the read-back.
        created: what became of the doubt that was settled with it, if there was one.
    """
    if created is None:
        message = "Not at TeleCMI any more: somebody else has removed it."
        return ending(step, Outcome.GONE, State.REMOVED, message, code=verdict.code)
    message = "Not at TeleCMI: it was never created (confirmed by read-back)."
    if created.state is State.REMOVED:
        message = "An earlier undo removed it (confirmed by read-back)."
    return ending(
        step, Outcome.GONE, created.state, message, code=verdict.code, doubted=created.doubted
    )


def changed(step: Step, verdict: Verdict) -> Settled:
    """The vendor holds a password that we never sent: somebody else's endpoint by now."""
    return ending(step, Outcome.KEPT, State.EXISTS, _CHANGED, code=verdict.code)


def not_reached(step: Step, verdict: Verdict, *, asking: bool) -> Settled:
    """Nothing was removed: whether it is still ours, or the removal itself, was not to be asked."""
    what = "asked whether it is still ours" if asking else "reached"
    return ending(
        step,
        Outcome.UNPROCESSED,
        State.CREATED,
        f"Not removed: TeleCMI could not be {what}: {verdict.detail}.",
        "Run the same command again to continue.",
        code=verdict.code,
        proof="answer" if asking else "read-back",
    )


def not_removed(step: Step, verdict: Verdict, *, seen: bool) -> Settled:
    """Refused, or (seen) still there after every attempt."""
    how = " (confirmed by read-back)" if seen else ""
    return ending(
        step,
        Outcome.FAILED,
        State.CREATED,
        f"Not removed{how}: {verdict.detail}.",
        AGAIN,
        code=verdict.code,
        proof="read-back",
    )


def with_undos(settled: Settled) -> tuple[Settled, ...]:
    """Return an ending, and what it means for the undos that are in doubt, to be written together.

    Were they not, a crash in between would leave rows in doubt that nobody would come back to.
    """
    if not settled.settles_earlier_runs or (of_undo := _of_undo(settled)) is None:
        return (settled,)
    return settled, of_undo


def _of_undo(settled: Settled) -> Settled | None:
    """Say what a doubt that is settled now means for the undos; None when it is not settled."""
    match settled.state:
        case State.CREATED:
            outcome, message, tip = Outcome.FAILED, "Not removed (confirmed by read-back).", AGAIN
        case State.EXISTS | State.RESET:
            outcome, message, tip = Outcome.KEPT, _CHANGED, ""
        case State.REMOVED:
            outcome, message, tip = Outcome.REMOVED, "Removed (confirmed by read-back).", ""
        case State.INTENDED | State.IN_DOUBT:
            return None
        case _:
            outcome, message, tip = Outcome.GONE, "Not at TeleCMI (confirmed by read-back).", ""
    return settled._replace(
        seq=None,
        outcome=outcome,
        message=message,
        tip=tip,
        settles_earlier_runs=True,
        of_kind="undo",
    )
