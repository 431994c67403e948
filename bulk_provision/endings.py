"""How a row may end: outcome, endpoint state, and the words a person reads about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulk_provision.ledger import Settled, State
from bulk_provision.model import Outcome
from bulk_provision.piopiy import Kind
from bulk_provision.plan import comparison

if TYPE_CHECKING:
    from bulk_provision.piopiy import Verdict
    from bulk_provision.plan import Step

AGAIN = "Run the same command again: it asks TeleCMI what became of it."


def ending(
    step: Step,
    outcome: Outcome,
    state: State,
    message: str,
    tip: str = "",
    *,
    code: str = "",
    doubted: bool = False,
    proof: str | None = None,
    connect_url: str = "",
    compared: str | None = None,
    sealed: str | None = None,
) -> Settled:
    """Put an ending together, of a step and what is to be told of it."""
    return Settled(
        step.seq,
        step.username,
        outcome,
        code,
        message,
        tip,
        state,
        doubted,
        proof,
        connect_url or None,
        compared,
        sealed,
    )


def created(step: Step, verdict: Verdict) -> Settled:
    """200: created as asked."""
    return ending(
        step,
        Outcome.CREATED,
        State.CREATED,
        "Created.",
        code=verdict.code,
        proof="answer",
        connect_url=verdict.connect_url,
    )


def confirmed(step: Step, verdict: Verdict, sealed: str | None, *, acknowledged: bool) -> Settled:
    """The answer was lost, but the vendor holds a password of ours.

    Args:
        step: the row.
        verdict: of the read-back.
        sealed: the password that the vendor holds, when it is not the one of the step.
        acknowledged: the vendor chose that other password itself.
    """
    outcome, state, message = {
        "create": (Outcome.CREATED, State.CREATED, "Created"),
        "change": (Outcome.UNCHANGED, State.CREATED, "Created by an earlier run"),
        "remove": (Outcome.UNCHANGED, State.CREATED, "Created by an earlier run, not removed"),
        "reset": (Outcome.EXISTS, State.RESET, "Existed; its password is ours"),
    }[step.purpose]
    tip = ""
    if sealed is None:
        message += "; confirmed by read-back, since an answer had been lost."
    elif acknowledged:
        message += "; TeleCMI holds another password than was sent: the one shown here."
        tip = "Check the password in a phone."
    else:
        message += "; the password shown here is the one that works; the source has another."
        tip = "To set the source's password: --on-exists reset"
    return ending(
        step,
        outcome,
        state,
        message,
        tip,
        code=verdict.code,
        proof="read-back",
        connect_url=verdict.connect_url,
        sealed=sealed,
    )


def exists(step: Step, verdict: Verdict | None = None) -> Settled:
    """The username is somebody else's (with a verdict: read-back showed another password)."""
    message = "Already exists at TeleCMI, skipped."
    if verdict is not None:
        message = "Already exists at TeleCMI with a password that is not ours, skipped."
    return ending(
        step,
        Outcome.EXISTS,
        State.EXISTS,
        message,
        "Choose another username, or see --on-exists compare and reset.",
        code="400",
        connect_url=verdict.connect_url if verdict else "",
    )


def compared(step: Step, verdict: Verdict, mark: str) -> Settled:
    """`--on-exists compare`: the vendor was asked which password it holds."""
    if verdict.kind is not Kind.DONE:
        return ending(
            step,
            Outcome.EXISTS,
            State.EXISTS,
            f"Already exists at TeleCMI; it could not be compared: {verdict.detail}.",
            "Run the same command again to compare.",
            code="400",
        )
    result = "none"
    if step.of_sheet:
        result = "same" if verdict.password == step.of_sheet else "other"
    return ending(
        step,
        Outcome.EXISTS,
        State.EXISTS,
        comparison(result),
        "To set the source's password: --on-exists reset" if result == "other" else "",
        code="400",
        connect_url=verdict.connect_url,
        compared=f"{result} {mark}",
    )


def reset(step: Step, verdict: Verdict, *, is_change: bool) -> Settled:
    """`--on-exists reset`: the password is now the one of the source, or the generated one.

    Args:
        step: the row.
        verdict: of the call or of the read-back that confirms it.
        is_change: whether the endpoint is one that an earlier run of ours created.
    """
    before = "Created by an earlier run" if is_change else "Existed already"
    return ending(
        step,
        Outcome.UNCHANGED if is_change else Outcome.EXISTS,
        State.CREATED if is_change else State.RESET,
        f"{before}; its password was set to the one shown here.",
        code=verdict.code,
        proof="answer",
        connect_url=verdict.connect_url,
    )


def not_reset(step: Step, verdict: Verdict, sealed: str | None = None) -> Settled:
    """The password was not set: refused, never reached, or so the read-back says.

    Args:
        step: the row.
        verdict: of the last attempt to set it.
        sealed: the password of ours that the vendor still holds; None when it holds none.
    """
    state = State.EXISTS
    if sealed is not None:
        state = State.RESET if step.purpose == "reset" else State.CREATED
    return ending(
        step,
        Outcome.FAILED,
        state,
        f"Exists at TeleCMI; its password was not set: {verdict.detail}.",
        "Run the same command again, or set it in TeleCMI's own pages.",
        code=verdict.code,
        proof="read-back" if sealed is not None else None,
        sealed=sealed,
    )


def lost(step: Step, verdict: Verdict, *, is_absent: bool) -> Settled:
    """A reset failed, and what the vendor holds is not ours (any more)."""
    if not is_absent:
        return not_reset(step, verdict)
    return ending(
        step,
        Outcome.FAILED,
        State.PLANNED,
        f"Its password was not set, and TeleCMI holds no such username: {verdict.detail}.",
        "Run the same command again to create it.",
        code=verdict.code,
        doubted=True,
    )


def verified(
    step: Step, verdict: Verdict, *, is_ours: bool, is_known: bool, sealed: str | None
) -> Settled:
    """`--recheck` of an endpoint that an earlier run created or reset."""
    was_reset = step.purpose == "reset"
    ours = Outcome.EXISTS if was_reset else Outcome.UNCHANGED
    state = State.RESET if was_reset else State.CREATED
    if not is_known:
        return ending(
            step,
            ours,
            state,
            f"Ours from an earlier run; TeleCMI could not be asked again: {verdict.detail}.",
            "Run the same command again to recheck.",
            proof="answer",
        )
    if is_ours:
        return ending(
            step,
            ours,
            state,
            "Ours from an earlier run; TeleCMI still holds it so.",
            code=verdict.code,
            proof="read-back",
            connect_url=verdict.connect_url,
            sealed=sealed,
        )
    return ending(
        step,
        Outcome.EXISTS,
        State.EXISTS,
        "An earlier run created it, but its password at TeleCMI has been changed since.",
        "To set the source's password: --on-exists reset",
        code=verdict.code,
        connect_url=verdict.connect_url,
    )


def refused(step: Step, verdict: Verdict) -> Settled:
    """The vendor refused this row for good."""
    return ending(
        step,
        Outcome.FAILED,
        State.FAILED,
        f"TeleCMI refused it: {verdict.detail}.",
        "Correct the row and run it again.",
        code=verdict.code,
        doubted=True,  # if that was not the whole truth, a later 400 is settled by read-back
    )


def not_created(step: Step, verdict: Verdict, attempts: int) -> Settled:
    """Every attempt was left without a clear answer, and read-back says: no such username."""
    return ending(
        step,
        Outcome.FAILED,
        State.FAILED,
        f"Not created in {attempts} attempts (confirmed by read-back): {verdict.detail}.",
        "Run the same command again to try again.",
        code=verdict.code,
        doubted=True,  # the vendor might still come round to one of the requests
    )


def was_not_created(step: Step) -> Settled:
    """An earlier run's request had no effect, says the read-back; no row asks for it now.

    When the request was one to remove, this is for the rows that asked for the endpoint meanwhile.
    """
    is_removed = step.purpose == "remove"
    return ending(
        step,
        Outcome.FAILED,
        State.REMOVED if is_removed else State.PLANNED,
        "Not created (confirmed by read-back).",
        "Run it again to create it.",
        doubted=not is_removed,
    )


def not_reached(step: Step, verdict: Verdict, *, doubted: bool) -> Settled:
    """No attempt had an effect: the vendor was not reached.

    Args:
        step: the row.
        verdict: of the last attempt.
        doubted: whether another request left before, in this run or an earlier one.
    """
    return ending(
        step,
        Outcome.UNPROCESSED,
        State.PLANNED,
        f"TeleCMI could not be reached: {verdict.detail}.",
        "Run the same command again to continue.",
        code=verdict.code,
        doubted=doubted,
    )


def not_done(step: Step, reason: str) -> Settled:
    """The run stopped after a request that had no effect, as far as its answer can be believed."""
    return ending(
        step,
        Outcome.UNPROCESSED,
        State.PLANNED,
        f"The run stopped before it was created: {reason}.",
        "Run the same command again to continue.",
        doubted=True,
    )


def in_doubt(step: Step, detail: str, *, acknowledged: bool = False) -> Settled:
    """A request left, and what it did could not be found out."""
    return ending(
        step,
        Outcome.IN_DOUBT,
        State.IN_DOUBT,
        f"A request left, and whether it had an effect is not known: {detail}.",
        AGAIN,
        doubted=True,
        proof="acknowledged" if acknowledged else None,
    )
