"""`bulk-provision plan`."""

from __future__ import annotations

import sys
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
    from bulk_provision.staged import Staged


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
    help="Write the plan as a workbook, to be approved: then `run --plan FILE`.",
)
@click.option(
    "--marked",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write SOURCE as a workbook with the problems marked.",
)
@click.option("--yes", is_flag=True, help="Overwrite FILE.")
@setting("--json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")
def command(
    job: Path | None,
    output: Path | None,
    marked: Path | None,
    *,
    yes: bool,
    json: bool | None,
    **flags: Any,  # noqa: ANN401
) -> None:
    """Say what `run SOURCE` would do: nothing is called.

    With -o, the plan goes into a workbook for people to approve. `run SOURCE --plan FILE` then
    refuses if source, account or options are not those of the plan.

    With --marked, the problems stand in a copy of SOURCE, as comments in coloured cells: correct
    them there, and give the copy to `run`.

    Exit code 0: every row can be done; 1: some rows are invalid; 2: SOURCE cannot be read.
    """
    from bulk_provision.errors import UsageError
    from bulk_provision.model import Outcome

    settings = settings_of(job, json_=json, **flags)
    files = _Files(output, marked, yes)
    files.check()
    errands = _errands(settings)
    if files.are_wanted and len(errands) > 1:
        raise UsageError(
            "There are several plans, for several files or accounts, and one file to write.",
            "Name one of the files as SOURCE, or leave -o and --marked away.",
        )
    planned = [_planned(settings, errand, files) for errand in errands]
    if settings.json_:
        told = [_as_json(*one, files) for one in planned]
        click.echo(dumps(told[0] if len(told) == 1 else told))
    else:
        for staged, plan in planned:
            _tell(staged, plan)
            _tell_files(staged, files)
    if not planned:
        click.echo("Nothing to do: the inbox is empty.", err=settings.json_)
    wrong = any(plan.remembered.get(Outcome.INVALID) or staged.stops for staged, plan in planned)
    sys.exit(1 if wrong else 0)


class _Files(NamedTuple):
    """The files that a plan is to write."""

    plan: Path | None
    marked: Path | None
    overwrite: bool

    @property
    def are_wanted(self) -> bool:
        return self.plan is not None or self.marked is not None

    def check(self) -> None:
        """See that they are two, and that the plan's name is a workbook's; raises UsageError."""
        from bulk_provision.errors import UsageError

        if self.plan is None:
            return
        if self.plan.suffix.lower() != ".xlsx":
            raise UsageError(
                f"{self.plan}: a plan is a workbook, and Excel opens it only as .xlsx.",
                "Choose another name.",
            )
        if self.marked is not None and self.marked.resolve() == self.plan.resolve():
            raise UsageError("-o and --marked name the same file.", "Choose two names.")


def _errands(settings: Settings) -> list[Errand]:
    """Return the runs that `run` would have: one for each file and account."""
    from bulk_provision.rounds import errands_of, inputs_of

    source = source_of(settings)
    orders = orders_of(settings, source, *accounts_in(settings, None, secrets=False), None)
    inputs = inputs_of(source.path, takes_all=orders.takes_all, system=source.system)
    return [errand for path in inputs.paths for errand in errands_of(orders, path)]


def _planned(settings: Settings, errand: Errand, files: _Files) -> tuple[Staged, Plan]:
    import asyncio

    from bulk_provision import job as jobs
    from bulk_provision.approval import PlanFile
    from bulk_provision.settings import bound_options

    to_mark = plan_file = None
    if files.marked is not None:
        to_mark = jobs.Results(str(files.marked), overwrite=files.overwrite)
    if files.plan is not None:
        plan_file = PlanFile(files.plan, bound_options(settings), files.overwrite)
    served = errand.serve()
    return asyncio.run(
        jobs.plan(
            errand.source,
            served.account,
            pace=served.pace,
            policy=policy_of(settings),
            rules=rules_of(settings),
            ledger=jobs.LedgerPlace.of(settings),
            problems=to_mark,
            file=plan_file,
        )
    )


def _tell_files(staged: Staged, files: _Files) -> None:
    if files.plan is not None:
        click.echo(f"Plan: {files.plan}")
    if files.marked is None:
        return
    if not staged.found:
        click.echo(f"No cell is wrong: {files.marked} was not written.")
        return
    click.echo(f"Problems: {files.marked}")
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


def _as_json(staged: Staged, plan: Plan, files: _Files) -> dict[str, object]:
    return {
        "output": str(files.plan) if files.plan else None,
        "marked": str(files.marked) if files.marked and staged.found else None,
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
