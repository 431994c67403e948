"""What the sheet `Summary` says, in words for somebody who did not start the run.

Here are the words only; `summary_sheet` gives them their looks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.model import OUTCOMES_OF, Outcome
from bulk_provision.results.layout import Pile

if TYPE_CHECKING:
    from bulk_provision.model import Rehearsal, RunRecord
    from bulk_provision.results.layout import Tally

_MEANINGS = {
    Outcome.CREATED: "New at TeleCMI; username and password work.",
    Outcome.UNCHANGED: "Created by an earlier run; nothing was called.",
    Outcome.EXISTS: "Already existed at TeleCMI, skipped.",
    Outcome.FAILED: "Refused for good; the tip says what to do.",
    Outcome.IN_DOUBT: "Asked for, but no answer was understood; the next run settles it.",
    Outcome.UNPROCESSED: "The run stopped before it.",
    Outcome.INVALID: "Refused before any call; the tip says what to correct.",
    Outcome.REMOVED: "Removed from TeleCMI; username and password no longer work.",
    Outcome.GONE: "Not at TeleCMI any more: an earlier undo or somebody else removed it.",
    Outcome.KEPT: "Left as it is; the message says why.",
}
_MEANINGS_OF_UNDO = _MEANINGS | {
    Outcome.FAILED: "Still at TeleCMI; the message says why, the tip what to do.",
}
_MEANINGS_OF_REHEARSAL = _MEANINGS | {
    Outcome.CREATED: "The real run will create them.",
    Outcome.EXISTS: "Exists at TeleCMI; the real run will skip it.",
    Outcome.IN_DOUBT: "What an earlier run asked for stays open; see the message.",
    Outcome.UNPROCESSED: "The real run will stop before it.",
    Outcome.INVALID: "The real run will refuse it before any call; the tip says what to correct.",
}
_SHEETS = {
    Outcome.CREATED: "Credentials",
    Outcome.UNCHANGED: "Credentials",
    Outcome.EXISTS: "Skipped",
    Outcome.REMOVED: "Removed",
    Outcome.GONE: "Removed",
    Outcome.KEPT: "Kept",
}
_PARTS = {  # of the headline
    Pile.SKIPPED: "skipped",
    Pile.KEPT: "kept",
    Pile.FAILED: "to look at",
    Pile.UNPROCESSED: "not processed",
}
_LATER = "Left for a later wave, as it was asked for (--limit)."
_STATES = {
    "running": "had not ended when this file was written",
    "done": "finished",
    "stopped": "stopped early",
    "interrupted": "interrupted",
}


class OutcomeLine(NamedTuple):
    """One line of the table of outcomes."""

    outcome: Outcome
    label: str
    rows: int
    meaning: str
    sheet: str


def rows_of(number: int) -> str:
    """Say a number of rows: "1 row", "2,500 rows"."""
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def headline(run: RunRecord, tally: Tally) -> str:
    """Say in one sentence what became of the rows."""
    source = "standard input" if run.source == "-" else PurePath(run.source).name
    left_out = sum(run.left_out.values())
    if run.undoes is None:
        what = f"{rows_of(tally.rows)} from {source}"
        if left_out:
            what += f" ({left_out:,} more are as they were, and left out)"
        parts = [f"{tally.piles[Pile.CREATED]:,} with working credentials"]
        if run.rehearsal is not None:
            parts = [f"{tally.piles[Pile.CREATED]:,} that will have working credentials"]
    else:
        what = f"Undo of run {run.undoes}, which created {rows_of(tally.rows)} of {source}"
        parts = [f"{tally.piles[Pile.REMOVED]:,} not at TeleCMI any more"]
    later = _later(run)
    parts += [
        f"{count:,} {words}"
        for pile, words in _PARTS.items()
        if (count := tally.piles[pile] - (later if pile is Pile.UNPROCESSED else 0))
    ]
    parts += [f"{later:,} left for a later wave"] if later else []
    return f"{what}: {', '.join(parts)}."


def banner(run: RunRecord) -> str:
    """Say, above all else, that what follows has not happened; "" when it has."""
    return "" if run.rehearsal is None else "REHEARSAL: nothing was created at TeleCMI."


def alerts(run: RunRecord, tally: Tally) -> list[str]:
    """Say what must not be overlooked; mostly nothing."""
    told = []
    if run.state == "running":
        told.append(
            "The run had not ended when this file was written: the figures are of that moment."
        )
    elif run.state != "done":
        state = _STATES.get(run.state, run.state)
        which = "run" if run.rehearsal is None else "rehearsal"
        told.append(
            f"The {which} was {state}: {run.reason}" if run.reason else f"The {which} was {state}."
        )
    if run.rehearsal is not None:
        told += run.rehearsal.notes
    left_out = run.left_out
    counted = {outcome: tally.outcomes[outcome] + left_out.get(outcome, 0) for outcome in Outcome}
    recorded = {outcome: run.outcomes.get(outcome, 0) for outcome in Outcome}
    rows = sum(counted.values())
    if run.state != "running" and (counted != recorded or rows != run.rows):
        told.append(
            f"This file tells of {rows_of(rows)}, but the ledger's record of the run says "
            f"{rows_of(run.rows)} and {rows_of(sum(recorded.values()))} with an outcome. This is "
            "a fault of the program: please report it, and keep the ledger."
        )
    return told


def outcome_lines(run: RunRecord, tally: Tally) -> list[OutcomeLine]:
    """Tell how many rows have each outcome, those with none included."""
    lines = []
    meanings = _MEANINGS if run.undoes is None else _MEANINGS_OF_UNDO
    if run.rehearsal is not None:
        meanings = _MEANINGS_OF_REHEARSAL
    for outcome in OUTCOMES_OF[run.kind]:
        rows = tally.outcomes[outcome]
        if outcome is Outcome.EXISTS:
            rows -= tally.reset
        if outcome is Outcome.UNPROCESSED:
            rows -= _later(run)
        label = outcome.replace("_", " ")
        meaning, sheet = meanings[outcome], _SHEETS.get(outcome, "Failed")
        lines.append(OutcomeLine(outcome, label, rows, meaning, sheet))
        if outcome is Outcome.EXISTS and tally.reset:
            meaning = "Already existed at TeleCMI; a run of ours set its password."
            if run.rehearsal is not None:
                meaning = "Exists at TeleCMI; its password is ours, or the real run will set it."
            lines.append(OutcomeLine(outcome, "exists, reset", tally.reset, meaning, "Credentials"))
        if outcome is Outcome.UNPROCESSED and _later(run):
            lines.append(OutcomeLine(outcome, "left for later", _later(run), _LATER, sheet))
        if left_out := run.left_out.get(outcome, 0):
            meaning = _meaning_of_left_out(run, outcome)
            lines.append(OutcomeLine(outcome, f"{label}, left out", left_out, meaning, "none"))
    return lines


def _meaning_of_left_out(run: RunRecord, outcome: Outcome) -> str:
    if run.rehearsal is not None:
        return "As an earlier run left them."
    why = _LATER if outcome is Outcome.UNPROCESSED else "As an earlier run left them:"
    return f"{why} bulk-provision export {run.run_id} has them."


def _later(run: RunRecord) -> int:
    """Count the rows in the file that were left for a later wave before anything was called."""
    unprocessed = Outcome.UNPROCESSED
    return run.later.get(unprocessed, 0) - run.left_out.get(unprocessed, 0)


def next_steps(run: RunRecord, tally: Tally) -> list[str]:
    """Tell what to do, most urgent first."""
    if run.undoes is not None:
        return _next_steps_of_undo(run, tally)
    if run.rehearsal is not None:
        return _next_steps_of_rehearsal(tally)
    steps = []
    doubt = tally.outcomes[Outcome.IN_DOUBT]
    left = tally.outcomes[Outcome.UNPROCESSED] - _later(run)
    if run.state == "running":
        steps.append("Wait until the run has ended, and have this file written again.")
    elif doubt or left:
        settles = f"settles the {rows_of(doubt)} in doubt first" if doubt else ""
        goes_on = f"goes on with the {rows_of(left)} not processed" if left else ""
        does = ", then ".join(filter(None, [settles, goes_on]))
        steps.append(f"Run the same command again: it {does}. Nothing is created twice.")
    if later := sum(run.later.values()):
        steps.append(
            "Run the same command again for the next wave, when its time has come: "
            f"{rows_of(later)} are left for it."
        )
    if wrong := tally.outcomes[Outcome.FAILED] + tally.outcomes[Outcome.INVALID]:
        steps.append(
            f"Correct the {rows_of(wrong)} marked failed or invalid in the sheet Failed, as the "
            "column tip says, and give this workbook to bulk-provision run as it is."
        )
    if skipped := tally.piles[Pile.SKIPPED]:
        steps.append(
            f"Look through the {rows_of(skipped)} in the sheet Skipped: these usernames belong "
            "to existing endpoints, which were left as they are. Choose other usernames for new "
            "people; --on-exists compare or reset deals with endpoints that are yours."
        )
    if handed_over := tally.piles[Pile.CREATED]:
        steps.append(
            f"Hand over the {rows_of(handed_over)} in the sheet Credentials. They are working "
            "passwords: pass the file on by a safe way, and delete copies that nobody needs."
        )
    return steps or ["Nothing is left to do."]


def _next_steps_of_rehearsal(tally: Tally) -> list[str]:
    steps = []
    if wrong := tally.outcomes[Outcome.FAILED] + tally.outcomes[Outcome.INVALID]:
        steps.append(
            f"Correct the {rows_of(wrong)} marked failed or invalid in the source, as the column "
            "tip says, and rehearse again."
        )
    if skipped := tally.piles[Pile.SKIPPED]:
        steps.append(
            f"Look through the {rows_of(skipped)} in the sheet Skipped: these usernames belong "
            "to existing endpoints."
        )
    steps.append(
        "When all is as it should be, run the same command without --rehearse. Hand nothing of "
        "this file over: what it says will be created is not there."
    )
    return steps


def _next_steps_of_undo(run: RunRecord, tally: Tally) -> list[str]:
    steps = []
    left = sum(tally.outcomes[one] for one in (Outcome.IN_DOUBT, Outcome.UNPROCESSED))
    if run.state == "running":
        steps.append("Wait until the undo has ended, and have this file written again.")
    elif left or tally.outcomes[Outcome.FAILED]:
        steps.append(
            f"Run the same command again: bulk-provision undo {run.undoes}. It asks TeleCMI about "
            "what is in doubt, and removes what is left. What is removed is not called for again."
        )
    if kept := tally.piles[Pile.KEPT]:
        steps.append(
            f"Look through the {rows_of(kept)} in the sheet Kept: these endpoints are still at "
            "TeleCMI, and the message says why."
        )
    if tally.outcomes[Outcome.REMOVED]:
        steps.append(
            "Tell the people whose endpoints are gone, and delete the results that hold their "
            "passwords."
        )
    return steps or ["Nothing is left to do."]


def facts(run: RunRecord) -> list[tuple[str, str]]:
    """Tell who ran what, when and how, as labels and values."""
    ended = "not yet" if run.ended_at is None else _moment(run.ended_at)
    if run.ended_at is None and run.state != "running":
        ended = "not known: the process was killed"
    which = f"{run.run_id}, " if run.rehearsal is None else "a rehearsal, in no ledger; "
    return [
        ("Run", f"{which}{_STATES.get(run.state, run.state)}"),
        *([("Undoes", f"run {run.undoes}")] if run.undoes is not None else []),
        ("Account", f"{run.appid} at {run.base_url}"),
        ("Source", "standard input" if run.source == "-" else run.source),
        *([("Sheet", run.sheet)] if run.sheet else []),
        *([("Rows selected", run.selection)] if run.selection else []),
        ("SHA-256 of the source", run.sha256),
        ("Started", _moment(run.started_at)),
        ("Ended", ended),
        *([("Duration", _span(run.ended_at - run.started_at))] if run.ended_at else []),
        ("Started by", run.started_by),
        ("Rate allowed", "no limit" if run.rate is None else f"{run.rate:g} calls a second"),
        *(_calls_made(run) if run.rehearsal is None else _calls_to_come(run.rehearsal)),
    ]


def _calls_made(run: RunRecord) -> list[tuple[str, str]]:
    reached = [("Rate reached", _rate_reached(run))] if run.ended_at and run.calls else []
    return [*reached, ("Calls made", f"{run.calls:,}")]


def _calls_to_come(rehearsal: Rehearsal) -> list[tuple[str, str]]:
    told = "not read"
    if rehearsal.listed is not None:
        told = f"{rehearsal.listed:,} endpoints, read by {rehearsal.list_calls:,} calls of list_sip"
    takes = "nobody can tell without a limit on the rate"
    if rehearsal.seconds is not None:
        takes = f"about {_span(rehearsal.seconds)}"
    facts = [
        ("TeleCMI's list", told),
        ("Calls of the real run", f"{rehearsal.calls:,}"),
        ("The real run will take", takes),
    ]
    if rehearsal.until_deadline is not None:
        done = rows_of(rehearsal.until_deadline)
        facts.append(("Until the deadline", f"{done} will be done; the next run continues"))
    return facts


def _rate_reached(run: RunRecord) -> str:
    # Calls of a run that took less than a second are those of one second: the limit's own unit.
    assert run.ended_at is not None
    rate = run.calls / max(1.0, run.ended_at - run.started_at)
    shown = f"{rate:.1f}" if rate >= 0.1 else f"{rate:.2g}"
    return f"{shown} calls a second, from start to end"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M:%S} UTC"


def _span(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    if minutes:
        return f"{minutes} min {int(rest):02} s"
    return f"{rest:.1f} s"
