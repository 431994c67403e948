"""`bulk-provision run`."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
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
    protect_flags,
    rules_of,
    setting,
    settings_of,
    source_flags,
    source_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulk_provision.job import Control, Results, Source, Watcher
    from bulk_provision.model import Secret, Summary
    from bulk_provision.settings import Served, Settings


@click.command("run", epilog=EPILOG)
@source_flags
@setting("-o", "--output", metavar="FILE", help="Results workbook.")
@account_flags
@pace_flags
@policy_flags
@ledger_flag
@setting("--wait", type=float, metavar="SECONDS", help="If another run holds the account.")
@setting("--csv", is_flag=True, help="Write four CSV files instead of a workbook.")
@setting("--annotate", is_flag=True, help="Write SOURCE too, with outcomes beside its rows.")
@protect_flags
@setting("--json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")
@setting("--quiet", is_flag=True, help="Print nothing but errors.")
@setting("--yes", is_flag=True, help="Overwrite results; reset passwords without asking.")
def command(job: Path | None, json: bool | None, **flags: Any) -> None:  # noqa: ANN401
    """Create the endpoints that SOURCE asks for, and write a results workbook.

    SOURCE is a .csv, .tsv, .txt, .xlsx, .xlsm, .xls, .xlsb, .ods or .html file,
    or - for standard input.
    Run the same command again to continue: nobody is created twice.
    """
    from bulk_provision.cli.protecting import key_of
    from bulk_provision.settings import account_of

    settings = settings_of(job, json_=json, **flags)
    source = source_of(settings)
    has_terminal = sys.stdin.isatty() and sys.stderr.isatty() and source.path != "-"
    served = account_of(settings, ask_secret if has_terminal else None)
    key = key_of(settings, csv=settings.csv, has_terminal=has_terminal)
    _confirm_reset(settings, has_terminal=has_terminal)
    summary = _loop_run(settings, source, served, key.password)
    tell(settings, summary)
    if summary.results:
        key.show()
    sys.exit(summary.exit_code)


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


def _loop_run(
    settings: Settings, source: Source, served: Served, protect: Secret | None
) -> Summary:
    from bulk_provision.cli.reporting import reporter
    from bulk_provision.job import Control, Results

    control = Control()
    collect_garbage_less_often()
    with reporter(settings) as watcher, asyncio.Runner(loop_factory=loop_factory()) as runner:
        results = Results(
            settings.output,
            csv=settings.csv,
            overwrite=settings.yes,
            protect=protect,
            annotate=settings.annotate,
        )
        run = _run(settings, source, served, results, watcher=watcher, control=control)
        return runner.run(run)


def collect_garbage_less_often() -> None:
    """Let Python look for unreachable cycles after 20,000 new objects, not after every 700.

    A row makes some dozens of objects and leaves no cycle behind; looking for one in between was
    measured at a tenth of a run's time.
    """
    gc.freeze()  # what the imports made stays, and need not be looked at
    gc.set_threshold(20_000)


async def _run(
    settings: Settings,
    source: Source,
    served: Served,
    results: Results,
    *,
    watcher: Watcher,
    control: Control,
) -> Summary:
    from bulk_provision.job import LedgerPlace, provision

    obey_signals(control, watcher)
    return await provision(
        source,
        served.account,
        pace=served.pace,
        policy=policy_of(settings),
        rules=rules_of(settings),
        results=results,
        ledger=LedgerPlace.of(settings),
        wait=settings.wait,
        watcher=watcher,
        control=control,
    )


def obey_signals(control: Control, watcher: Watcher) -> None:
    """Ctrl-C and SIGTERM stop sending; a second one does not wait for the calls under way."""
    from bulk_provision.model import ExitCode
    from bulk_provision.pace import Halt

    def stop(halt: Halt) -> None:
        if control.halt is None:
            watcher.stopping(halt.reason)
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


def tell(settings: Settings, summary: Summary) -> None:
    """Print how it ended, as settings want it."""
    if settings.json_:
        click.echo(json.dumps(_as_json(summary)))
    elif not settings.quiet:
        from bulk_provision.cli.reporting import summary_lines

        for line in summary_lines(summary):
            click.echo(line)


def _as_json(summary: Summary) -> dict[str, object]:
    return {
        "run_id": summary.run_id,
        "account": summary.account,
        "source": summary.source,
        "rows": summary.rows,
        "outcomes": {outcome.value: count for outcome, count in summary.outcomes.items()},
        "calls": summary.calls,
        "seconds": round(summary.seconds, 3),
        "results": list(summary.results),
        "exit_code": int(summary.exit_code),
        **({} if summary.undoes is None else {"undoes": summary.undoes}),
    }
