"""What is told of a round, in words: for a mail, a channel, or a ping's log. Never a password."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.characters import printable, sentence
from bulk_provision.model import ExitCode, Outcome
from bulk_provision.watch.findings import SHOWN, number_failing
from bulk_provision.watch.occasions import Occasion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.model import RoundSummary, Summary
    from bulk_provision.watch.findings import Findings, Job

_LINE_LIMIT = 400  # characters of a line
_WARNINGS = 10  # of a run that are told
_ENDINGS = {  # of a round, and what to do about it
    ExitCode.USAGE: ("a run could not begin", "Do what the message says."),
    ExitCode.ACCOUNT_REFUSED: (
        "TeleCMI refused the account",
        "Correct app id and secret, and run the job again.",
    ),
    ExitCode.STOPPED: ("stopped early", "Run the job again: it continues."),
    ExitCode.ACCOUNT_BUSY: (
        "the account is busy",
        "See which run holds it (bulk-provision runs), and whether it hangs.",
    ),
    ExitCode.LIMIT_PASSED: (
        "stopped by a limit, nothing was called",
        "Look at the source. If it is right: run the job again with --ignore-limits.",
    ),
    ExitCode.DEADLINE: ("the deadline passed", "Nothing is to be done: the next run continues."),
    ExitCode.BUG: ("a bug stopped it", "Report it. The ledger still knows what happened."),
    ExitCode.INTERRUPTED: ("interrupted", "Run the job again: it continues."),
    ExitCode.TERMINATED: ("ended by SIGTERM", "Run the job again: it continues."),
}


class Message(NamedTuple):
    """What is told.

    Args:
        title: one line.
        body: plain text.
        kind: "success", "warning", "failure" or "info".
    """

    title: str
    body: str
    kind: str


def message_of(
    job: Job, round_: RoundSummary, findings: Findings | None, occasion: Occasion
) -> Message:
    """Put a round into words."""
    title = f"bulk-provision {job.label}: {_headline(round_, occasion)}"
    body = _joined([*_about_all(job, round_), _about_rows(round_, findings)])
    return Message(_line(title), body, _kind(round_, occasion))


def body_of(job: Job, round_: RoundSummary) -> str:
    """Tell of a round without naming anybody: counts, reasons, warnings, where the results lie."""
    return _joined(_about_all(job, round_))


def _about_all(job: Job, round_: RoundSummary) -> list[Iterator[str]]:
    runs = (_about_a_run(run) for run in round_.runs[:SHOWN])
    return [_about_the_round(job, round_), *runs, _about_troubles(round_)]


def _joined(parts: list[Iterator[str]]) -> str:
    blocks = ["\n".join(_line(line) for line in part) for part in parts]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _headline(round_: RoundSummary, occasion: Occasion) -> str:
    counts = round_.outcomes
    ending = _ENDINGS.get(ExitCode(round_.exit_code)) if _is_known(round_.exit_code) else None
    failing = ", ".join(
        f"{_counted(counts[outcome], 'row')} {words}"
        for outcome, words in (
            (Outcome.FAILED, "failed"),
            (Outcome.INVALID, "invalid"),
            (Outcome.IN_DOUBT, "in doubt"),
        )
        if counts[outcome]
    )
    if occasion is Occasion.STOPPED:
        return ending[0] if ending else f"exit code {round_.exit_code}"
    if failing:
        return failing
    if occasion is Occasion.WELL:
        return "all is well again"
    if ending is not None:
        return ending[0]
    created = counts[Outcome.CREATED]
    return f"{_counted(created, 'endpoint')} created" if created else "nothing to do"


def _kind(round_: RoundSummary, occasion: Occasion) -> str:
    if occasion is Occasion.STOPPED:
        return "failure"
    if number_failing(round_):
        return "warning"
    return "success" if round_.exit_code == ExitCode.DONE else "info"


def _about_the_round(job: Job, round_: RoundSummary) -> Iterator[str]:
    began = datetime.fromtimestamp(round_.started_at, tz=UTC)
    yield (
        f"{job.label or 'The run'} began at {began:%Y-%m-%d %H:%M} UTC, took "
        f"{round_.seconds:,.1f} s and ended with exit code {round_.exit_code}."
    )
    counts = [f"{count:,} {outcome}" for outcome, count in round_.outcomes.items() if count]
    rows = sum(round_.outcomes.values())
    yield f"{_counted(rows, 'row')}: {', '.join(counts)}." if rows else "No rows."
    if round_.later:
        yield f"{_counted(round_.later, 'row')} left for a later wave: the next run goes on there."
    if _is_known(round_.exit_code) and (ending := _ENDINGS.get(ExitCode(round_.exit_code))):
        yield f"{sentence(ending[0])} {ending[1]}"


def _about_a_run(run: Summary) -> Iterator[str]:
    yield f"Run {run.run_id}, account {run.account}, {run.source}:"
    counts = [f"{count:,} {outcome}" for outcome, count in run.outcomes.items() if count]
    yield f"  {', '.join(counts) or 'no rows'}; {_counted(run.calls, 'call')}"
    if later := sum(run.later.values()):
        yield f"  {_counted(later, 'row')} left for a later wave"
    if run.reason:
        yield f"  Stopped early: {sentence(run.reason)}"
    for warned in run.warnings[:_WARNINGS]:
        first = f", first at {warned.first}" if warned.first else ""
        yield f"  Warning ({_counted(warned.count, 'time')}{first}): {warned.text}"
    if len(run.warnings) > _WARNINGS:
        yield f"  … and {_counted(len(run.warnings) - _WARNINGS, 'further warning')}"
    for path in run.results:
        yield f"  Results: {path}"


def _about_troubles(round_: RoundSummary) -> Iterator[str]:
    more = len(round_.runs) - SHOWN
    if more > 0:
        yield f"… and {_counted(more, 'further run')}."
    for trouble in round_.troubles[:SHOWN]:
        whose = ", ".join(
            part
            for part in (trouble.account and f"account {trouble.account}", trouble.source)
            if part
        )
        yield f"{whose}: {trouble.what}" if whose else trouble.what
        if trouble.cure:
            yield f"  {trouble.cure}"
    if len(round_.troubles) > SHOWN:
        yield f"… and {_counted(len(round_.troubles) - SHOWN, 'further trouble')}."


def _about_rows(round_: RoundSummary, findings: Findings | None) -> Iterator[str]:
    failing = number_failing(round_)
    if not failing:
        return
    if findings is None:
        yield "Which rows, and why, is in the results: the ledger cannot be read."
        return
    yield "What somebody should look at:"
    several = len(round_.runs) > 1
    for row in findings.rows:
        whose = f"run {row.run_id}, " if several else ""
        yield f"  {whose}row {row.number}, {row.username or 'no username'}: {row.message}"
    for group in findings.groups:
        whose = f"run {group.run_id}, " if several else ""
        code = f" ({group.code})" if group.code else ""
        yield (
            f"  {whose}{_counted(group.size, 'row')} {group.outcome.replace('_', ' ')}{code}, "
            f"first row {group.first_number}: {group.message}"
        )
    untold = failing - len(findings.rows) - sum(group.size for group in findings.groups)
    if untold > 0:
        yield f"  … and {_counted(untold, 'further row')}"


def _line(text: str) -> str:
    """Return a line as it may stand in a mail: short, and nothing in it that a reader obeys."""
    shown = printable(text[: _LINE_LIMIT + 1])
    return shown if len(text) <= _LINE_LIMIT else f"{shown[:_LINE_LIMIT]}…"


def _is_known(code: int) -> bool:
    return code in ExitCode.__members__.values()


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
