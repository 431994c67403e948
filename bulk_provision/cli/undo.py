"""`bulk-provision undo RUN`."""

from __future__ import annotations

import asyncio
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
    protect_flags,
    setting,
    settings_of,
)

if TYPE_CHECKING:
    from bulk_provision.cli.telling import Reporter
    from bulk_provision.job import Results
    from bulk_provision.model import Pace, RunRecord, Secret, Summary
    from bulk_provision.plan import Plan
    from bulk_provision.settings import Served, Settings
    from bulk_provision.staged import Staged


@click.command("undo", epilog=EPILOG)
@click.argument("run_id", metavar="RUN", type=int)
@click.option("--plan", "only_plan", is_flag=True, help="Say what it would do; call nothing.")
@click.option(
    "--include-confirmed",
    is_flag=True,
    help="Remove too what only a read-back of the source's own password confirmed.",
)
@click.option("--yes", type=int, metavar="RUN", help="The run once more: do not ask for it.")
@click.option(
    "--job",
    type=click.Path(path_type=Path),
    help="Take settings from a TOML file.",
)
@setting("-o", "--output", metavar="FILE", help="Results workbook.")
@click.option("--overwrite", is_flag=True, help="Replace FILE, if it is there.")
@account_flags
@pace_flags
@ledger_flag
@setting("--wait", type=float, metavar="SECONDS", help="If another run holds the account.")
@setting("--csv", is_flag=True, help="Write four CSV files instead of a workbook.")
@protect_flags
@setting("--json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")
@setting("--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    run_id: int,
    *,
    only_plan: bool,
    include_confirmed: bool,
    yes: int | None,
    job: Path | None,
    overwrite: bool,
    json: bool | None,
    **flags: Any,  # noqa: ANN401
) -> None:
    """Remove the endpoints that run RUN created and that are still ours; nothing else.

    An endpoint goes only if it is proven that this run created it, and if TeleCMI still holds a
    password of ours for it. All others stay, and the results say why. Run the same command again
    to continue: what is removed is not called for again.
    """
    from bulk_provision.cli.protecting import key_of
    from bulk_provision.cli.run import ask_secret
    from bulk_provision.settings import account_of, pace_of

    settings = _of_the_runs_account(run_id, job, {"json_": json, **flags})
    if only_plan:
        planned = _plan(run_id, settings, pace_of(settings, settings.account), include_confirmed)
        _tell_plan(run_id, *planned, as_json=settings.json_)
        return
    has_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    _check_consent(run_id, yes, has_terminal=has_terminal)
    served = account_of(settings, ask_secret if has_terminal else None)
    key = key_of(settings, csv=settings.csv, has_terminal=has_terminal)
    if yes is None:
        _ask(run_id, *_plan(run_id, settings, served.pace, include_confirmed))
    summary = _loop_run(
        run_id,
        settings,
        served,
        include_confirmed=include_confirmed,
        overwrite=overwrite,
        protect=key.password,
    )
    _tell(settings, summary)
    if summary.results:
        key.show()
    sys.exit(summary.exit_code)


def _tell(settings: Settings, summary: Summary) -> None:
    if settings.json_:
        from bulk_provision.cli.run import as_json

        click.echo(json.dumps(as_json(summary)))
    elif not settings.quiet:
        from bulk_provision.cli.reporting import summary_lines

        for line in summary_lines(summary):
            click.echo(line)


def _of_the_runs_account(run_id: int, job: Path | None, flags: dict[str, Any]) -> Settings:
    """Return the settings, with the account of the run that is undone.

    Raises:
        UsageError: they name another one, or there is no such run.
    """
    from bulk_provision.job import LedgerPlace
    from bulk_provision.settings import address_of
    from bulk_provision.undoing import check_undoable

    settings = settings_of(job, **flags)
    with LedgerPlace.of(settings).open() as ledger:
        undone = ledger.run(run_id)
    check_undoable(undone)
    address = (undone.appid, undone.base_url)
    if settings.account is None and settings.appid is None:
        names = [n for n, a in settings.accounts.items() if (a.appid, a.base_url) == address]
        if len(names) == 1:
            return settings_of(job, **{**flags, "account": names[0]})
    told = settings.model_fields_set
    if settings.account is None:
        appid = undone.appid if settings.appid is None else settings.appid
        _check_address(undone, appid, settings.base_url if "base_url" in told else undone.base_url)
        # As a flag, so that the address from the ledger is looked at like any other.
        given = {"appid": undone.appid, "base_url": undone.base_url}
        return settings_of(job, **{**flags, **given})
    _check_address(undone, *address_of(settings))
    return settings


def _check_address(undone: RunRecord, appid: int, base_url: str) -> None:
    from bulk_provision.model import Account, Secret
    from bulk_provision.undoing import check_account

    check_account(undone, Account(appid, Secret(""), base_url))


def _check_consent(run_id: int, yes: int | None, *, has_terminal: bool) -> None:
    from bulk_provision.errors import UsageError

    if yes is not None and yes != run_id:
        raise UsageError(
            f"--yes {yes} is not the run that is to be undone: {run_id}. Nothing was removed."
        )
    if yes is None and not has_terminal:
        raise UsageError(
            "Undoing removes endpoints, and there is no terminal to ask for your consent.",
            f"Look at what it would do (--plan), and add --yes {run_id} if you mean it.",
        )


def _plan(
    run_id: int,
    settings: Settings,
    pace: Pace,
    include_confirmed: bool,
) -> tuple[Staged, Plan]:
    from bulk_provision.job import LedgerPlace, plan_undo

    return plan_undo(
        run_id,
        include_confirmed=include_confirmed,
        pace=pace,
        ledger=LedgerPlace.of(settings),
        wait=settings.wait,
    )


def _ask(run_id: int, staged: Staged, plan: Plan) -> None:
    """Show what would be done, and have the run's number typed."""
    from bulk_provision.errors import UsageError

    for line in _plan_lines(run_id, staged, plan):
        click.echo(line, err=True)
    if not plan.actions:
        return
    typed: str = click.prompt(
        f"To remove them for good, type the number of the run ({run_id})",
        default="",
        show_default=False,
        err=True,
    )
    if typed.strip() != str(run_id):
        raise UsageError("Nothing was removed.")


def _plan_lines(run_id: int, staged: Staged, plan: Plan) -> list[str]:
    from bulk_provision.cli.reporting import plan_lines, problem_lines

    source = "standard input" if staged.source == "-" else staged.source
    return [f"Undo of run {run_id} ({source}):", *problem_lines(staged), *plan_lines(plan)]


def _tell_plan(run_id: int, staged: Staged, plan: Plan, *, as_json: bool) -> None:
    if not as_json:
        for line in _plan_lines(run_id, staged, plan):
            click.echo(line)
        return
    told = {
        "undoes": run_id,
        "rows": plan.rows,
        "remembered": {outcome.value: count for outcome, count in plan.remembered.items()},
        "actions": {action.value: count for action, count in plan.actions.items()},
        "calls": plan.calls,
        "seconds": plan.seconds,
        "kept": [
            {
                "kind": tally.problem.kind,
                "count": tally.count,
                "why": tally.problem.why,
                "cure": tally.problem.cure,
            }
            for tally in staged.tallies
        ],
    }
    click.echo(json.dumps(told))


def _loop_run(
    run_id: int,
    settings: Settings,
    served: Served,
    *,
    include_confirmed: bool,
    overwrite: bool,
    protect: Secret | None,
) -> Summary:
    from bulk_provision.cli.run import collect_garbage_less_often, loop_factory
    from bulk_provision.cli.telling import reporter
    from bulk_provision.job import Results

    results = Results(
        settings.output,
        csv=settings.csv,
        overwrite=overwrite,
        protect=protect,
        folder=settings.results_folder,
    )
    collect_garbage_less_often()
    with reporter(settings) as told, asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(
            _undo(
                run_id,
                settings,
                served,
                results,
                include_confirmed=include_confirmed,
                told=told,
            )
        )


async def _undo(
    run_id: int,
    settings: Settings,
    served: Served,
    results: Results,
    *,
    include_confirmed: bool,
    told: Reporter,
) -> Summary:
    from bulk_provision.cli.run import obey_signals
    from bulk_provision.job import Control, LedgerPlace, undo

    control = Control()
    obey_signals(control, told)
    with told.watcher(served.name or str(served.account.appid), f"run {run_id}") as watcher:
        return await undo(
            run_id,
            served.account,
            include_confirmed=include_confirmed,
            pace=served.pace,
            results=results,
            ledger=LedgerPlace.of(settings),
            wait=settings.wait,
            watcher=watcher,
            control=control,
        )
