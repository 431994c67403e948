"""When somebody is told. Pure: the round, what the ledger found, and what was told last.

    told last ↓     now:  well          rows fail              stopped
    nothing, well         silence       told                   told
    these rows            told: well    silence                told
    other rows            told: well    told                   told
    stopped               told: well    told                   told

A round that ended late (7), or found an account busy for the first time (5), has not come to its
end and is no reason to act: it says nothing about `well`, and rows of it are told as above.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.model import ExitCode, Outcome
from bulk_provision.settings import NotifyWhen
from bulk_provision.watch.findings import COMPLETE, number_failing

if TYPE_CHECKING:
    from bulk_provision.model import RoundSummary
    from bulk_provision.watch.findings import Findings

STOPPED, WELL, UNKNOWN = "stopped", "well", "unknown"
"""What may stand in `Noted.told`, beside the fingerprint of the rows that failed."""


class Occasion(StrEnum):
    """Why somebody is told."""

    STOPPED = "stopped"  # it did not come to its end: somebody should act
    ROWS = "rows"  # other rows fail than were told of, or they fail otherwise
    WELL = "well"  # nothing fails any more
    CREATED = "created"  # there are new endpoints
    ROUTINE = "routine"  # it ended, and that is always told


class Verdict(NamedTuple):
    """Whether somebody is told.

    Args:
        occasion: why; None: nobody is.
        told: what is remembered as told, once it is; None: what was.
    """

    occasion: Occasion | None
    told: str | None


def judge(round_: RoundSummary, findings: Findings | None, when: NotifyWhen) -> Verdict:
    """Say whether somebody is told of a round."""
    if when is NotifyWhen.NEVER:
        return Verdict(None, None)
    now = _state(round_, findings)
    occasion = _change(now, findings)
    if occasion is None and when in (NotifyWhen.CREATED, NotifyWhen.ALWAYS):
        if round_.outcomes[Outcome.CREATED]:
            occasion = Occasion.CREATED
        elif when is NotifyWhen.ALWAYS:
            occasion = Occasion.ROUTINE
    return Verdict(occasion, now)


def is_busy(round_: RoundSummary) -> bool:
    """Tell whether a round found an account held by somebody else, and nothing worse."""
    return round_.exit_code == ExitCode.ACCOUNT_BUSY


def _state(round_: RoundSummary, findings: Findings | None) -> str | None:
    """Return how things stand, as it is remembered; None: this round does not tell."""
    if not _is_partial(round_, findings) and round_.exit_code not in COMPLETE:
        return STOPPED
    if number_failing(round_):
        return findings.fingerprint if findings else UNKNOWN
    return WELL if round_.exit_code in COMPLETE else None


def _is_partial(round_: RoundSummary, findings: Findings | None) -> bool:
    if is_busy(round_):  # twice in a row: whatever holds the account may hang
        return findings is not None and (findings.before is None or not findings.before.busy)
    return round_.exit_code == ExitCode.DEADLINE


def _change(now: str | None, findings: Findings | None) -> Occasion | None:
    before = findings.before.told if findings and findings.before else ""
    if now == STOPPED:
        return Occasion.STOPPED
    if now in (None, before):
        return None
    if now != WELL:
        return Occasion.ROWS
    return Occasion.WELL if before else None
