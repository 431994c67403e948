"""What the ledger says about a round and its job: asked once, for all who tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.ledger import FailingGroup, FailingRow, Ledger, Noted, Past, RunFacts
from bulk_provision.model import ExitCode, Outcome

if TYPE_CHECKING:
    from bulk_provision.model import RoundSummary

SHOWN = 20  # rows (or groups of rows) that are told one by one
SUCCESS = (ExitCode.DONE,)
COMPLETE = (ExitCode.DONE, ExitCode.SOME_ROWS)


class Job(NamedTuple):
    """The job whose rounds are told of.

    Args:
        name: the job's; "" when there is no job file.
        source: as it is named in the settings; "" when it is not.
    """

    name: str
    source: str = ""

    @property
    def label(self) -> str:
        """Return what it is called in metrics and notices."""
        return self.name or self.source

    @property
    def key(self) -> str:
        """Return under which name the ledger remembers what was told about it."""
        return self.name or f"source {self.source}"

    def past(self, round_: RoundSummary) -> Past:
        """Return which runs of the ledger are its own."""
        return Past(self.name, (self.source, *(run.source for run in round_.runs)))


class Findings(NamedTuple):
    """What the ledger says after a round.

    Args:
        before: what was remembered about the job; None: nothing.
        succeeded_at: when a round last ended with exit code 0, this one included; UTC, seconds
            since 1970; 0.0: never.
        completed_at: … with exit code 0 or 1.
        unsettled: endpoints in doubt, by appid.
        facts: of each run, by its number.
        fingerprint: of who fails, and how; "" when nobody does.
        rows: those that fail, when they are few.
        groups: how they fail, when they are many.
    """

    before: Noted | None
    succeeded_at: float
    completed_at: float
    unsettled: dict[int, int]
    facts: dict[int, RunFacts]
    fingerprint: str
    rows: list[FailingRow]
    groups: list[FailingGroup]


def look(ledger: Ledger, job: Job, round_: RoundSummary) -> Findings:
    """Ask the ledger; raises LedgerError when it cannot be read."""
    past, run_ids = job.past(round_), [run.run_id for run in round_.runs]
    before, failing = ledger.noted(job.key), number_failing(round_)
    known = before or Noted(  # the first round that is told of: its runs before tell something
        succeeded_at=ledger.last_end(past, SUCCESS), completed_at=ledger.last_end(past, COMPLETE)
    )
    ended_at = round_.started_at + round_.seconds
    return Findings(
        before=before,
        succeeded_at=ended_at if round_.exit_code in SUCCESS else known.succeeded_at,
        completed_at=ended_at if round_.exit_code in COMPLETE else known.completed_at,
        unsettled=ledger.unsettled(past),
        facts=ledger.run_facts(run_ids),
        fingerprint=ledger.failing_fingerprint(run_ids) if failing else "",
        rows=ledger.failing_rows(run_ids, limit=SHOWN) if 0 < failing <= SHOWN else [],
        groups=ledger.failing_groups(run_ids, limit=SHOWN) if failing > SHOWN else [],
    )


def number_failing(round_: RoundSummary) -> int:
    """Count the rows that somebody should look at."""
    return sum(
        round_.outcomes[outcome] for outcome in (Outcome.FAILED, Outcome.INVALID, Outcome.IN_DOUBT)
    )
