"""`bulk-provision run`."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from bulk_provision.cli.options import (
    EPILOG,
    account_flags,
    caution_flags,
    ledger_flag,
    log_flag,
    pace_flags,
    policy_flags,
    protect_flags,
    results_flags,
    setting,
    settings_of,
    source_flags,
    watch_flags,
)
from bulk_provision.cli.wishes import (
    accounts_in,
    approved_of,
    keeping_of,
    orders_of,
    source_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bulk_provision.cli.protecting import ResultsKey
    from bulk_provision.cli.telling import Reporter
    from bulk_provision.job import Control
    from bulk_provision.model import RoundSummary, Summary
    from bulk_provision.rounds import Orders
    from bulk_provision.settings import Settings


@click.command("run", epilog=EPILOG)
@source_flags
@results_flags
@account_flags
@pace_flags
@caution_flags
@policy_flags
@ledger_flag
@protect_flags
@log_flag
@watch_flags
@click.option(
    "--rehearse",
    is_flag=True,
    help="With an emulated TeleCMI that has the real list: nothing is created, nobody told.",
)
@setting("--json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")
@setting("--quiet", is_flag=True, help="Print nothing but errors.")
@setting("--yes", is_flag=True, help="Overwrite results; reset passwords without asking.")
def command(
    job: Path | None,
    *,
    rehearse: bool,
    json: bool | None,
    **flags: Any,  # noqa: ANN401
) -> None:
    """Create the endpoints that SOURCE asks for, and write a results workbook.

    SOURCE is a .csv, .tsv, .txt, .xlsx, .xlsm, .xls, .xlsb, .ods or .html file,
    a pattern such as 'people-*.csv', a folder whose files are run and put away,
    or - for standard input. With --from it is another telephone system's export.
    Run the same command again to continue: nobody is created twice.
    """
    _refuse_variable()
    settings = settings_of(job, json_=json, **flags)
    round_, key = _rehearsed(settings) if rehearse else _watched(settings)
    _tell(settings, round_)
    if any(run.results for run in round_.runs):
        key.show()
    sys.exit(round_.exit_code)


def _refuse_variable() -> None:
    """Refuse what would not be heard, and then be missed: it would be a real run.

    As a setting, a job that nobody watches might rehearse for ever.
    """
    from bulk_provision.errors import UsageError
    from bulk_provision.settings import ENV_PREFIX

    name = f"{ENV_PREFIX}REHEARSE"
    if name in map(str.upper, os.environ):
        raise UsageError(
            f"The variable {name} is set, and --rehearse is a flag alone.",
            "Take the variable away; give the flag to rehearse.",
        )


def _watched(settings: Settings) -> tuple[RoundSummary, ResultsKey]:
    """Go, with all who watch the job told, and what is old cleaned up."""
    from bulk_provision.cli.telling import reporter
    from bulk_provision.job import LedgerPlace
    from bulk_provision.rounds import clean_up, note_log
    from bulk_provision.watch import Watch

    ledger = LedgerPlace.of(settings)
    with reporter(settings) as told:
        watch = Watch.of(settings, settings.name, ledger, told.warn)
        watch.started()
        note_log(ledger, settings.name, told.log_file)
        round_, key = _go(settings, told)
        watch.ended(round_)
        clean_up(ledger, settings.name, keeping_of(settings), told.note)
    return round_, key


def _rehearsed(settings: Settings) -> tuple[RoundSummary, ResultsKey]:
    """Rehearse: whoever watches the job must not take it for a run."""
    from bulk_provision.cli.telling import reporter

    with reporter(settings, rehearsal=True) as told:
        return _go(settings, told, rehearse=True)


def _go(
    settings: Settings, told: Reporter, *, rehearse: bool = False
) -> tuple[RoundSummary, ResultsKey]:
    """Do what settings want; what keeps it from beginning is in the summary, for all who watch."""
    import time

    from bulk_provision.cli.protecting import ResultsKey, key_of
    from bulk_provision.errors import ProvisionError
    from bulk_provision.rounds import not_begun

    began = time.time()
    try:
        source = source_of(settings)
        has_terminal = sys.stdin.isatty() and sys.stderr.isatty() and source.path != "-"
        ask = ask_secret if has_terminal else None
        account, routes = accounts_in(settings, ask)
        key = key_of(settings, csv=settings.csv, has_terminal=has_terminal)
        if not rehearse:
            _confirm_reset(settings, has_terminal=has_terminal)
        orders = orders_of(settings, source, account, routes, key.password, rehearse=rehearse)
        if (plan := approved_of(settings)) is not None:
            orders = replace(orders, approved=plan)
            told.note("plan_given", file=plan.file, hash=plan.binding.hash, approved_by=plan.by)
    except ProvisionError as problem:
        return not_begun(settings.name, settings.source or "", problem, began), ResultsKey()
    return _loop_run(orders, told), key


def ask_secret() -> str:
    """Ask for the account's secret on the terminal."""
    secret: str = click.prompt("Secret of the TeleCMI account", hide_input=True, err=True)
    return secret


def _confirm_reset(settings: Settings, *, has_terminal: bool) -> None:
    from bulk_provision.errors import UsageError
    from bulk_provision.model import OnExists

    if settings.on_exists is not OnExists.RESET or settings.yes:
        return
    if not has_terminal:
        raise UsageError(
            "--on-exists reset sets passwords of endpoints that exist already, and there is no "
            "terminal to ask for your consent.",
            "Add --yes if you mean it.",
        )
    question = "Set the passwords of usernames that exist already? Their phones must be changed."
    if not click.confirm(question, err=True):
        raise UsageError("Nothing was done.", "Leave --on-exists reset away to skip them.")


def _loop_run(orders: Orders, told: Reporter) -> RoundSummary:
    from bulk_provision.job import Control
    from bulk_provision.rounds import go

    async def obeying_signals() -> RoundSummary:
        control = Control()
        obey_signals(control, told)
        return await go(orders, told, control)

    collect_garbage_less_often()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(obeying_signals())


def collect_garbage_less_often() -> None:
    """Let Python look for unreachable cycles after 20,000 new objects, not after every 700.

    A row makes some dozens of objects and leaves no cycle behind; looking for one in between was
    measured at a tenth of a run's time.
    """
    gc.freeze()  # what the imports made stays, and need not be looked at
    gc.set_threshold(20_000)


def obey_signals(control: Control, told: Reporter) -> None:
    """Ctrl-C and SIGTERM stop sending; a second one does not wait for the calls under way."""
    from bulk_provision.model import ExitCode
    from bulk_provision.pace import Halt

    def stop(halt: Halt) -> None:
        if control.halt is None:
            told.stopping(halt.reason)
        control.stop(halt)

    loop = asyncio.get_running_loop()
    for number, code, reason in (
        (signal.SIGINT, ExitCode.INTERRUPTED, "interrupted by Ctrl-C"),
        (signal.SIGTERM, ExitCode.TERMINATED, "ended by SIGTERM"),
    ):
        loop.add_signal_handler(number, stop, Halt(code, reason))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fastest loop that this platform has."""
    try:
        import uvloop
    except ImportError:  # it is not made for this platform
        return None
    return uvloop.new_event_loop


def _tell(settings: Settings, round_: RoundSummary) -> None:
    if settings.json_ and round_.runs:
        is_one = len(round_.runs) == 1 and not round_.troubles
        click.echo(json.dumps(as_json(round_.runs[0]) if is_one else _all_as_json(round_)))
    elif not (settings.json_ or settings.quiet):
        for run in round_.runs:
            for line in _lines(run):
                click.echo(line)
        if not (round_.runs or round_.troubles):
            click.echo("Nothing to do: the inbox is empty.")
    for trouble in round_.troubles:
        click.echo(f"Error: {trouble.what}", err=True)
        if trouble.cure:
            click.echo(trouble.cure, err=True)


def _lines(run: Summary) -> Iterator[str]:
    from bulk_provision.cli.rehearsals import rehearsal_lines
    from bulk_provision.cli.reporting import summary_lines

    if run.rehearsal is not None:
        return rehearsal_lines(run, run.rehearsal)
    return summary_lines(run)


def _all_as_json(round_: RoundSummary) -> dict[str, object]:
    return {
        "job": round_.job,
        "seconds": round(round_.seconds, 3),
        "exit_code": int(round_.exit_code),
        "runs": [as_json(run) for run in round_.runs],
        "troubles": [
            {
                "account": trouble.account,
                "source": trouble.source,
                "what": trouble.what,
                "cure": trouble.cure,
                "exit_code": trouble.exit_code,
            }
            for trouble in round_.troubles
        ],
    }


def as_json(summary: Summary) -> dict[str, object]:
    """Return what `--json` prints of a run."""
    from bulk_provision.cli.rehearsals import rehearsal_as_json

    rehearsal = summary.rehearsal
    return {
        "run_id": summary.run_id if rehearsal is None else None,
        "account": summary.account,
        "source": summary.source,
        "rows": summary.rows,
        "outcomes": {outcome.value: count for outcome, count in summary.outcomes.items()},
        "calls": summary.calls,
        "seconds": round(summary.seconds, 3),
        "results": list(summary.results),
        "exit_code": int(summary.exit_code),
        **({"left_for_later": sum(summary.later.values())} if summary.later else {}),
        **({} if summary.undoes is None else {"undoes": summary.undoes}),
        **({} if rehearsal is None else rehearsal_as_json(rehearsal)),
    }
