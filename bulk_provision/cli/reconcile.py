"""`bulk-provision reconcile`."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bulk_provision.cli.options import (
    EPILOG,
    account_flags,
    ledger_flag,
    pace_flags,
    setting,
    settings_of,
    source_flags,
)
from bulk_provision.cli.wishes import (
    rules_of,
    source_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.cli.telling import Reporter
    from bulk_provision.job import Source, Watcher
    from bulk_provision.model import DriftKind, Reconciled
    from bulk_provision.settings import Served, Settings
    from bulk_provision.staged import Staged


@click.command("reconcile", epilog=EPILOG)
@source_flags
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write every difference into a workbook, or into CSV (FILE.csv).",
)
@account_flags
@pace_flags
@ledger_flag
@setting("--wait", type=float, metavar="SECONDS", help="If another run holds the account.")
@setting("--json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")
@setting("--quiet", is_flag=True, help="Print nothing but errors.")
@setting("--yes", is_flag=True, help="Overwrite FILE.")
def command(
    job: Path | None,
    output: Path | None,
    *,
    json: bool | None,
    **flags: Any,  # noqa: ANN401
) -> None:
    """Compare TeleCMI's list with SOURCE and the ledger; change nothing.

    Tells what SOURCE names and TeleCMI lacks, what TeleCMI has and no source names, where
    passwords differ, and what the ledger knows as ours and is gone. The list costs a call for ten
    endpoints. Without SOURCE, the newest run of each source that the ledger knows is compared.

    Exit code 0: no difference; 1: some; 4: stopped early, or the list kept moving.
    """
    from bulk_provision.cli.run import ask_secret
    from bulk_provision.settings import account_of

    settings = settings_of(job, json_=json, **flags)
    source = None
    from bulk_provision.settings import is_inbox

    # A source for several accounts, and an inbox, are compared by what the ledger knows of them.
    of_ledger = settings.account_column is not None or is_inbox(
        settings.source or "", settings.from_
    )
    if settings.source is not None and not of_ledger:
        source = _newest(source_of(settings))
    is_stdin = source is not None and source.path == "-"
    has_terminal = sys.stdin.isatty() and sys.stderr.isatty() and not is_stdin
    served = account_of(settings, ask_secret if has_terminal else None)
    found, staged = _looped(settings, source, served, output)
    _tell(settings, found, staged)
    sys.exit(found.exit_code)


def _newest(source: Source) -> Source:
    """Return the file that a pattern means now."""
    from bulk_provision.rounds import inputs_of

    (path,) = inputs_of(source.path, takes_all=False, system=source.system).paths
    return replace(source, path=path)


def _looped(
    settings: Settings, source: Source | None, served: Served, output: Path | None
) -> tuple[Reconciled, Staged]:
    from bulk_provision.cli.run import loop_factory
    from bulk_provision.cli.telling import reporter

    account = settings.account or str(served.account.appid)
    with (
        reporter(settings) as told,
        told.watcher(account, source.path if source else "") as watcher,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        return runner.run(_reconcile(settings, source, served, output, told=told, watcher=watcher))


async def _reconcile(
    settings: Settings,
    source: Source | None,
    served: Served,
    output: Path | None,
    *,
    told: Reporter,
    watcher: Watcher,
) -> tuple[Reconciled, Staged]:
    from bulk_provision.cli.run import obey_signals
    from bulk_provision.job import Control, LedgerPlace, Results, reconcile

    control = Control()
    obey_signals(control, told)
    return await reconcile(
        source,
        served.account,
        pace=served.pace,
        rules=rules_of(settings),
        report=None if output is None else Results(str(output), overwrite=settings.yes),
        ledger=LedgerPlace.of(settings),
        wait=settings.wait,
        job=settings.name,
        watcher=watcher,
        control=control,
    )


def _tell(settings: Settings, found: Reconciled, staged: Staged) -> None:
    if settings.json_:
        click.echo(json.dumps(_as_json(found, staged)))
    elif not settings.quiet:
        for line in _lines(found, staged):
            click.echo(line)


def _lines(found: Reconciled, staged: Staged) -> Iterator[str]:
    from bulk_provision.cli.reporting import counted, duration, problem_lines

    against = "the newest run of each source"
    if found.source:
        against = "standard input" if found.source == "-" else found.source
    yield f"TeleCMI's list ({counted(found.listed, 'endpoint')}) beside {against} and the ledger:"
    yield from problem_lines(staged)
    for kind, count in found.drift.items():
        yield from _kind_lines(kind, count, found.first.get(kind, ()))
    if found.in_doubt:
        yield f"  {found.in_doubt:>7,} in doubt from an earlier run (the next run settles them)"
    yield f"  {found.calls:>7,} calls of list_sip in {duration(found.seconds)}; nothing was changed"
    if found.learned:
        yield f"The ledger learned {counted(found.learned, 'username')} that it did not know."
    if found.reason:
        yield f"Stopped early: {found.reason}."
        yield "Run the same command again to continue."
    elif not found.is_whole:
        yield (
            "The list kept moving while it was read: what it does not name may exist all the "
            "same. Run it again when nobody else works at the account."
        )
    if found.report:
        yield f"Report: {found.report}"


def _kind_lines(kind: DriftKind, count: int | None, first: tuple[str, ...]) -> Iterator[str]:
    from bulk_provision.characters import visible

    if count is None:
        yield f"  {'?':>7} {_WORDS[kind]}: not known"
        return
    yield f"  {count:>7,} {_WORDS[kind]}" + (f" ({_CURES[kind]})" if count else "")
    if first:
        more = f", and {count - len(first):,} more" if count > len(first) else ""
        yield " " * 10 + ", ".join(map(visible, first)) + more


_WORDS = {
    "missing at TeleCMI": "in the source, and not at TeleCMI",
    "in no source": "at TeleCMI, and in no source",
    "password differs": "with another password at TeleCMI",
    "gone at TeleCMI": "ours in the ledger, and gone at TeleCMI",
}
_CURES = {
    "missing at TeleCMI": "run creates them",
    "in no source": "nothing is done about them",
    "password differs": "run --on-exists reset sets the source's",
    "gone at TeleCMI": "run --recheck creates them again",
}


def _as_json(found: Reconciled, staged: Staged) -> dict[str, object]:
    return {
        "run_id": found.run_id,
        "account": found.account,
        "source": found.source,
        "listed": found.listed,
        "found": found.found,
        "is_whole": found.is_whole,
        "learned": found.learned,
        "drift": {
            kind.name.lower(): {"count": count, "first": list(found.first.get(kind, ()))}
            for kind, count in found.drift.items()
        },
        "in_doubt": found.in_doubt,
        "calls": found.calls,
        "seconds": round(found.seconds, 3),
        "problems": [
            {"kind": tally.problem.kind, "count": tally.count, "warning": tally.problem.warning}
            for tally in staged.tallies
        ],
        "report": found.report or None,
        "exit_code": int(found.exit_code),
        "reason": found.reason,
    }
