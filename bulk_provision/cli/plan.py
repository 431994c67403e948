"""`bulk-provision plan`."""

from __future__ import annotations

import sys
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bulk_provision.cli.options import (
    EPILOG,
    account_flags,
    ledger_flag,
    pace_flags,
    policy_flags,
    setting,
    settings_of,
    source_flags,
)
from bulk_provision.cli.wishes import (
    accounts_in,
    orders_of,
    policy_of,
    rules_of,
    source_of,
)

if TYPE_CHECKING:
    from bulk_provision.plan import Plan
    from bulk_provision.rounds import Errand
    from bulk_provision.settings import Settings
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
    from bulk_provision.errors import UsageError
    from bulk_provision.model import Outcome

    settings = settings_of(job, json_=json, **flags)
    errands = _errands(settings)
    if output is not None and len(errands) > 1:
        raise UsageError(
            "There are several plans, for several files or accounts, and one file to mark.",
            "Name one of the files as SOURCE, or leave -o away.",
        )
    planned = [_planned(settings, errand, output, overwrite=yes) for errand in errands]
    if settings.json_:
        told = [_as_json(*one, output) for one in planned]
        click.echo(dumps(told[0] if len(told) == 1 else told))
    else:
        for staged, plan in planned:
            _tell(staged, plan)
            if output is not None:
                _tell_marked(staged, output)
    if not planned:
        click.echo("Nothing to do: the inbox is empty.", err=settings.json_)
    wrong = any(plan.remembered.get(Outcome.INVALID) or staged.stops for staged, plan in planned)
    sys.exit(1 if wrong else 0)


def _errands(settings: Settings) -> list[Errand]:
    """Return the runs that `run` would have: one for each file and account."""
    from bulk_provision.rounds import errands_of, inputs_of

    source = source_of(settings)
    orders = orders_of(settings, source, *accounts_in(settings, None, secrets=False), None)
    inputs = inputs_of(source.path, takes_all=orders.takes_all)
    return [errand for path in inputs.paths for errand in errands_of(orders, path)]


def _planned(
    settings: Settings, errand: Errand, output: Path | None, *, overwrite: bool
) -> tuple[Staged, Plan]:
    import asyncio

    from bulk_provision import job as jobs

    served = errand.serve()
    return asyncio.run(
        jobs.plan(
            errand.source,
            served.account,
            pace=served.pace,
            policy=policy_of(settings),
            rules=rules_of(settings),
            ledger=jobs.LedgerPlace.of(settings),
            problems=None if output is None else jobs.Results(str(output), overwrite=overwrite),
        )
    )


def _tell_marked(staged: Staged, output: Path) -> None:
    if not staged.found:
        click.echo(f"No cell is wrong: {output} was not written.")
        return
    click.echo(f"Problems: {output}")
    if len(staged.found) == staged.keep:
        click.echo(f"The first {staged.keep:,} are marked in it.")


def _tell(staged: Staged, plan: Plan) -> None:
    from bulk_provision.cli.reporting import plan_lines, problem_lines

    source = "standard input" if staged.source == "-" else staged.source
    click.echo(f"{source}, sheet {staged.sheet}:" if staged.sheet else f"{source}:")
    for line in (*problem_lines(staged), *plan_lines(plan)):
        click.echo(line)
    for stop in staged.stops:
        click.echo(f"  A run would call nothing: {stop.what} {stop.cure}")


def _as_json(staged: Staged, plan: Plan, output: Path | None) -> dict[str, object]:
    return {
        "output": str(output) if output and staged.found else None,
        "source": staged.source,
        "sheet": staged.sheet,
        "rows": plan.rows,
        "remembered": {outcome.value: count for outcome, count in plan.remembered.items()},
        "actions": {action.value: count for action, count in plan.actions.items()},
        "calls": plan.calls,
        "seconds": plan.seconds,
        "way": plan.way
        and {"way": plan.way.way.value, "why": plan.way.why, "listed": plan.way.total},
        "stops": [{"what": stop.what, "cure": stop.cure} for stop in staged.stops],
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
