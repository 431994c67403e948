"""`bulk-provision plan`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
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
    from bulk_provision.plan import Plan
    from bulk_provision.staging import Staged


@click.command("plan", epilog=EPILOG)
@source_flags
@account_flags
@pace_flags
@policy_flags
@ledger_flag
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write SOURCE as a workbook with the problems marked.",
)
@click.option("--yes", is_flag=True, help="Overwrite FILE.")
@setting("--json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")
def command(
    job: Path | None,
    output: Path | None,
    *,
    yes: bool,
    json: bool | None,
    **flags: Any,  # noqa: ANN401
) -> None:
    """Say what `run SOURCE` would do: nothing is called.

    With -o, the problems stand in a copy of SOURCE, as comments in coloured cells: correct them
    there, and give the copy to `run`.

    Exit code 0: every row can be done; 1: some rows are invalid; 2: SOURCE cannot be read.
    """
    import asyncio

    from bulk_provision import job as jobs
    from bulk_provision.model import Account, Outcome, Secret
    from bulk_provision.settings import address_of, pace_of

    settings = settings_of(job, json_=json, **flags)
    appid, base_url = address_of(settings)
    staged, plan = asyncio.run(
        jobs.plan(
            source_of(settings),
            Account(appid, Secret(""), base_url),
            pace=pace_of(settings, settings.account),
            policy=policy_of(settings),
            rules=rules_of(settings),
            ledger=jobs.LedgerPlace.of(settings),
            problems=None if output is None else jobs.Results(str(output), overwrite=yes),
        )
    )
    written = output if staged.found else None
    _tell(staged, plan, written, as_json=settings.json_)
    if output is not None and not settings.json_:
        _tell_marked(staged, output)
    sys.exit(1 if plan.remembered.get(Outcome.INVALID) else 0)


def _tell_marked(staged: Staged, output: Path) -> None:
    if not staged.found:
        click.echo(f"No cell is wrong: {output} was not written.")
        return
    click.echo(f"Problems: {output}")
    if len(staged.found) == staged.keep:
        click.echo(f"The first {staged.keep:,} are marked in it.")


def _tell(staged: Staged, plan: Plan, written: Path | None, *, as_json: bool) -> None:
    if as_json:
        told = {**_as_json(staged, plan), "output": written and str(written)}
        click.echo(json.dumps(told))
        return
    from bulk_provision.cli.reporting import plan_lines, problem_lines

    source = "standard input" if staged.source == "-" else staged.source
    click.echo(f"{source}, sheet {staged.sheet}:" if staged.sheet else f"{source}:")
    for line in (*problem_lines(staged), *plan_lines(plan)):
        click.echo(line)


def _as_json(staged: Staged, plan: Plan) -> dict[str, object]:
    return {
        "source": staged.source,
        "sheet": staged.sheet,
        "rows": plan.rows,
        "remembered": {outcome.value: count for outcome, count in plan.remembered.items()},
        "actions": {action.value: count for action, count in plan.actions.items()},
        "calls": plan.calls,
        "seconds": plan.seconds,
        "way": plan.way
        and {"way": plan.way.way.value, "why": plan.way.why, "listed": plan.way.total},
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
