"""What a plan's workbook says; `plan_workbook` gives it its looks, `plan_reading` reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.model import Outcome
from bulk_provision.plan import Action
from bulk_provision.results.summary import rows_of
from bulk_provision.ways import Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.approval import Binding
    from bulk_provision.ledger import PlannedRow
    from bulk_provision.plan import Plan
    from bulk_provision.staged import Staged, Tally

ROWS = ("row", "username", "what would happen", "why", "tip")
PROBLEMS = ("times", "kind", "first places", "why", "tip")

# Labels by which a run finds what the plan is bound to.
HASH, SHA256 = "Hash of this plan", "SHA-256 of the source"
APPID, BASE_URL = "App id", "Base URL"
OPTIONS = "Options that it is bound to"  # a section: what follows up to a blank row
APPROVED_BY, APPROVED_ON = "Approved by", "On"

_TO_DO = {
    Action.CREATE: "To create",
    Action.SETTLE: "In doubt from an earlier run: to settle first",
    Action.VERIFY: "Ours already: to be asked about again",
    Action.COMPARE: "Exist already: passwords to compare",
    Action.RESET: "Exist already: passwords to set",
}
_NOTHING_TO_DO = {
    Outcome.UNCHANGED: "Created by an earlier run: nothing to do",
    Outcome.EXISTS: "Exist already at TeleCMI: skipped",
    Outcome.INVALID: "Invalid: refused",
}
_WAYS = {
    Way.ROWS: "row by row",
    Way.LIST: "TeleCMI's list is read first",
    Way.SAMPLE: "TeleCMI's list is looked at first",
}
_PASSWORDS = {
    "source": "with the source's password",
    "ledger": "with the password that an earlier run generated",
    "generated": "with a generated password",
}
_HAPPENS: dict[str | None, str] = {
    Action.SETTLE: "ask TeleCMI what became of an earlier request; create it if it is not there",
    Action.VERIFY: "ask TeleCMI whether it is still as we made it",
    Action.COMPARE: "exists: compare its password",
    Outcome.UNCHANGED: "nothing: an earlier run created it",
    Outcome.EXISTS: "nothing: it exists already",
    Outcome.INVALID: "nothing: it is invalid",
}


class Planned(NamedTuple):
    """A plan, and what it was made of and for.

    Args:
        binding: what it is bound to.
        staged: what was found in the source.
        plan: what would be done.
        columns: the headers of the source's own columns.
        made_at: UTC, seconds since 1970.
        made_by: "user@host".
    """

    binding: Binding
    staged: Staged
    plan: Plan
    columns: tuple[str, ...]
    made_at: float
    made_by: str


def headline(planned: Planned) -> str:
    """Say in a sentence or two what would happen."""
    staged, plan = planned.staged, planned.plan
    source = "standard input" if staged.source == "-" else PurePath(staged.source).name
    to_create = plan.actions.get(Action.CREATE, 0)
    invalid = plan.remembered.get(Outcome.INVALID, 0)
    return (
        f"{rows_of(plan.rows)} of {source}: {to_create:,} to create, {invalid:,} invalid. "
        f"Nothing was called. To do it: bulk-provision run {staged.source} --plan THIS FILE"
    )


def sections(planned: Planned) -> Iterator[tuple[str, list[tuple[str, str | int]]]]:
    """Yield the parts of the sheet `Plan`: a title, and labels with values."""
    binding, staged = planned.binding, planned.staged
    yield (
        "Source and account",
        [
            ("Source", "standard input" if staged.source == "-" else staged.source),
            *([("Sheet", staged.sheet)] if staged.sheet else []),
            (SHA256, binding.sha256),
            (APPID, binding.appid),
            (BASE_URL, binding.base_url),
        ],
    )
    yield "What would happen", [*_counts(planned.plan), *_effort(planned.plan)]
    yield OPTIONS, [*binding.options.items()]
    made_at = f"{datetime.fromtimestamp(planned.made_at, tz=UTC):%Y-%m-%d %H:%M:%S} UTC"
    yield (
        "This plan",
        [
            (HASH, binding.hash),
            ("Made on", made_at),
            ("Made by", planned.made_by),
            (
                "What the hash is of",
                "The source's content, the account, and the options above: the run must have them.",
            ),
        ],
    )
    yield "Approval", [(APPROVED_BY, ""), (APPROVED_ON, ""), ("Remarks", "")]


def _counts(plan: Plan) -> Iterator[tuple[str, str | int]]:
    yield "Rows", plan.rows
    for action, label in _TO_DO.items():
        if (count := plan.actions.get(action, 0)) or action is Action.CREATE:
            yield label, count
    for outcome, label in _NOTHING_TO_DO.items():
        yield label, plan.remembered.get(outcome, 0)


def _effort(plan: Plan) -> Iterator[tuple[str, str | int]]:
    yield "Calls, when every answer is clear", plan.calls
    yield "Duration at the rate", "no limit" if plan.seconds is None else _span(plan.seconds)
    if plan.way is not None:
        yield "How it is known who exists", f"{_WAYS[plan.way.way]}: {plan.way.why}"
    yield "Usernames that exist all the same", "found out by the run, and told in its results"


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def what_happens(row: PlannedRow) -> str:
    """Say what would be done about a row."""
    if row.outcome is not None:  # a duplicate had an action before it was refused
        return _HAPPENS[row.outcome]
    if row.action == Action.CREATE:
        return f"create {_PASSWORDS[row.password]}"
    if row.action == Action.RESET:
        return f"exists: set its password: {_PASSWORDS[row.password].removeprefix('with ')}"
    return _HAPPENS[row.action]


def tally_cells(tally: Tally) -> tuple[str | int, ...]:
    """Return a problem that several rows have, for the columns `PROBLEMS`."""
    problem = tally.problem
    where = ", ".join(
        f"{place or 'the file'} ({seen})" if seen else place or "the file"
        for place, seen in zip(tally.places, tally.seen, strict=True)
    )
    more = tally.count - len(tally.places)
    kind = f"warning: {problem.kind}" if problem.warning else problem.kind
    return (
        tally.count,
        kind,
        f"{where}, and {more:,} more" if more > 0 else where,
        problem.why,
        problem.cure,
    )
