"""`bulk-provision plan`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from bulk_provision.cli.options import (
    EPILOG,
    account_flags,
    ledger_flag,
    pace_flags,
    policy_flags,
    policy_of,
    rules_of,
    setting,
    settings_of,
    source_flags,
    source_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from bulk_provision.plan import Plan
    from bulk_provision.staging import Staged


@click.command("plan", epilog=EPILOG)
@source_flags
@account_flags
@pace_flags
@policy_flags
@ledger_flag
@setting("--json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")
def command(job: Path | None, json: bool | None, **flags: Any) -> None:  # noqa: ANN401
    """Say what `run SOURCE` would do: nothing is called.

    Exit code 0: every row can be done; 1: some rows are invalid; 2: SOURCE cannot be read.
    """
    import asyncio

    from bulk_provision import job as jobs
    from bulk_provision.errors import UsageError
    from bulk_provision.model import Account, Outcome, Secret

    settings = settings_of(job, json_=json, **flags)
    if settings.appid is None:
        raise UsageError("The app id of the TeleCMI account is missing.", "Give --appid N.")
    staged, plan = asyncio.run(
        jobs.plan(
            source_of(settings),
            Account(settings.appid, Secret(""), settings.base_url),
            pace=settings.pace(),
            policy=policy_of(settings),
            rules=rules_of(settings),
            ledger=jobs.LedgerPlace.of(settings),
        )
    )
    _tell(staged, plan, as_json=settings.json_)
    sys.exit(1 if plan.remembered.get(Outcome.INVALID) else 0)


def _tell(staged: Staged, plan: Plan, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_as_json(staged, plan)))
        return
    from bulk_provision.cli.reporting import plan_lines, problem_lines

    for line in (*problem_lines(staged), *plan_lines(plan)):
        click.echo(line)


def _as_json(staged: Staged, plan: Plan) -> dict[str, object]:
    return {
        "rows": plan.rows,
        "remembered": {outcome.value: count for outcome, count in plan.remembered.items()},
        "actions": {action.value: count for action, count in plan.actions.items()},
        "calls": plan.calls,
        "seconds": plan.seconds,
        "problems": [
            {
                "kind": tally.problem.kind,
                "count": tally.count,
                "places": tally.places,
                "seen": tally.seen,
                "why": tally.problem.why,
                "cure": tally.problem.cure,
                "warning": tally.problem.warning,
            }
            for tally in staged.tallies
        ],
    }
