"""What is said of runs, plans and problems, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulk_provision.model import ExitCode, Outcome
from bulk_provision.plan import Action
from bulk_provision.ways import FEWEST_NEW, Way

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulk_provision.filling import Filled
    from bulk_provision.model import Summary
    from bulk_provision.plan import Plan
    from bulk_provision.staged import Staged, Tally
    from bulk_provision.ways import Choice

_OVER = 5.0  # seconds over which calls a second are counted
_LOG_EVERY = 10.0  # seconds between two log lines about progress

WORDS = {
    Outcome.CREATED: "created",
    Outcome.UNCHANGED: "unchanged (an earlier run created them)",
    Outcome.EXISTS: "exist already at TeleCMI, skipped",
    Outcome.FAILED: "failed",
    Outcome.IN_DOUBT: "in doubt (run it again: it asks TeleCMI)",
    Outcome.UNPROCESSED: "not processed (run it again to continue)",
    Outcome.INVALID: "invalid (correct them in the source)",
    Outcome.REMOVED: "removed",
    Outcome.GONE: "not at TeleCMI any more",
    Outcome.KEPT: "kept (each row says why)",
}
_DOES = {
    Action.CREATE: "to create",
    Action.SETTLE: "in doubt from an earlier run: to settle first",
    Action.VERIFY: "ours already: to be asked about again",
    Action.COMPARE: "exist already: to compare",
    Action.RESET: "exist already: to set the password",
    Action.REMOVE: "to remove, if they are still ours",
}


def problem_lines(staged: Staged) -> Iterator[str]:
    """Yield what is wrong: the same problem once, with its count and first places; errors first."""
    for tally in sorted(staged.tallies, key=lambda one: one.problem.warning):
        yield f"  {_word(tally)}, {counted(tally.count, 'time')}: {tally.as_text()}"
        more = f", and {tally.count - len(tally.places):,} more"
        yield "    " + ", ".join(places(tally)) + (more if tally.count > len(tally.places) else "")


def _word(tally: Tally) -> str:
    if tally.problem.kind.startswith("left-out"):
        return "Left out"
    return "Warning" if tally.problem.warning else "Invalid"


def places(tally: Tally) -> Iterator[str]:
    """Yield the first places of a problem, with what stands there: `Users!B17 (asha@home)`."""
    for where, seen in zip(tally.places, tally.seen, strict=True):
        yield f"{where or 'the file'} ({seen})" if seen else where or "the file"


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield what is to be done."""
    yield f"  {counted(plan.rows, 'row')}"
    for outcome, count in plan.remembered.items():
        yield f"  {count:>7,} {WORDS[outcome]}"
    for action, count in plan.actions.items():
        yield f"  {count:>7,} {_DOES[action]}"
    calls = counted(plan.calls, "call")
    if plan.wave is not None:
        calls = f"This run does {plan.wave:,} of these, a later one the others: {calls}"
    if plan.seconds is None:
        yield f"  {calls}, without a limit"
    else:
        yield f"  {calls}, about {duration(plan.seconds)} at the configured rate"
    if plan.way is not None and (plan.calls >= FEWEST_NEW or plan.way.way is not Way.ROWS):
        yield f"  {_way_line(plan.way)}"


def _way_line(choice: Choice) -> str:
    """Say how a run finds out which usernames exist, and why so."""
    had = "" if choice.total is None else f" (it had {counted(choice.total, 'endpoint')} last time)"
    match choice.way:
        case Way.ROWS:
            return f"Row by row: {choice.why}."
        case Way.LIST:
            return f"TeleCMI's list is read first{had}, ten endpoints a call: {choice.why}."
        case Way.SAMPLE:
            return (
                f"It begins with TeleCMI's list{had}, because {choice.why}: "
                "the list is read when that costs fewer calls."
            )


def listed_line(filled: Filled) -> str:
    """Say what the list did for a run."""
    choice = filled.choice
    told = "TeleCMI's list was read" if choice.way is Way.LIST else "Row by row"
    rows = f"; {counted(filled.settled, 'row')} of it need no call" if filled.settled else ""
    warning = f" {filled.problem.why}." if filled.problem else ""
    return f"{told}: {choice.why}{rows}.{warning}"


def summary_lines(summary: Summary) -> Iterator[str]:
    """Yield how a run ended, for a person."""
    what = "" if summary.undoes is None else f", which undoes run {summary.undoes}"
    yield f"Run {summary.run_id}{what}: {counted(summary.rows, 'row')} of {summary.source}"
    yield from outcome_lines(summary.outcomes, summary.later)
    yield f"{summary.calls:>9,} calls in {duration(summary.seconds)}"
    for warned in summary.warnings:
        yield f"Warning ({warned.count}, first at {warned.first}): {warned.text}"
    if summary.reason:
        yield f"Stopped early: {summary.reason}."
    if summary.exit_code is ExitCode.STOPPED:
        yield "Run the same command again to continue."
    for path in summary.results:
        yield f"Results: {path}"


def outcome_lines(outcomes: Mapping[Outcome, int], later: Mapping[Outcome, int]) -> Iterator[str]:
    """Yield how many rows have each outcome; those left for a later wave apart, as they were meant.

    Args:
        outcomes: of all rows.
        later: of those that were left for a later wave.
    """
    for outcome, count in outcomes.items():
        waiting = later.get(outcome, 0)
        if outcome is not Outcome.UNPROCESSED:  # what is ours is ours, although it is to change
            waiting = 0
        if count > waiting:
            yield f"{count - waiting:>9,} {WORDS[outcome]}"
        if waiting:
            yield f"{waiting:>9,} left for a later wave (run it again for the next one)"
    if ours := sum(later.values()) - later.get(Outcome.UNPROCESSED, 0):
        yield f"          {ours:,} of ours are to be changed: left for a later wave"


def counted(count: int, noun: str) -> str:
    """Return "1 row" or "1,200 rows"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float) -> str:
    """Return "0.4 s", "12 s", "3 min 20 s" or "2 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
