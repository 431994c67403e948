"""What a rehearsal says in the end: for a person, and for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulk_provision.cli.reporting import counted, duration, outcome_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.model import Rehearsal, Summary


def rehearsal_lines(summary: Summary, rehearsal: Rehearsal) -> Iterator[str]:
    """Yield what the real run would do, and what it would cost, for a person."""
    yield "REHEARSAL: nothing was created at TeleCMI."
    yield f"A real run would do this with {counted(summary.rows, 'row')} of {summary.source}:"
    yield from outcome_lines(summary.outcomes, summary.later)
    if summary.reason:
        yield f"It would stop early: {summary.reason}."
    yield f"A real run: {_cost(rehearsal)}"
    if rehearsal.until_deadline is not None:
        yield (
            f"Until the deadline: {rehearsal.until_deadline:,} of {counted(summary.rows, 'row')}; "
            "the next run continues."
        )
    for warned in summary.warnings:
        yield f"Warning ({warned.count}, first at {warned.first}): {warned.text}"
    for note in rehearsal.notes:
        yield f"Note: {note}"
    if rehearsal.listed is not None:
        yield (
            f"TeleCMI's list was read for it: {counted(rehearsal.listed, 'endpoint')}, "
            f"{counted(rehearsal.list_calls, 'call')} of list_sip."
        )
    for path in summary.results:
        yield f"Rehearsed results: {path}"


def _cost(rehearsal: Rehearsal) -> str:
    calls = counted(rehearsal.calls, "call")
    if rehearsal.seconds is None or rehearsal.rate is None:
        return f"{calls}, without a limit on their rate"
    return f"{calls}, about {duration(rehearsal.seconds)} at {rehearsal.rate:g} calls a second"


def rehearsal_as_json(rehearsal: Rehearsal) -> dict[str, object]:
    """Return what `--json` adds for a rehearsal."""
    return {
        "expected_seconds": None if rehearsal.seconds is None else round(rehearsal.seconds, 1),
        "rehearsal": {
            "calls": rehearsal.calls,
            "rate": rehearsal.rate,
            "listed": rehearsal.listed,
            "list_calls": rehearsal.list_calls,
            "rows_until_deadline": rehearsal.until_deadline,
            "notes": list(rehearsal.notes),
        },
    }
