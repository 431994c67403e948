"""`bulk-provision runs`."""

from __future__ import annotations

import time
from typing import Any

import click

from bulk_provision.cli.options import ledger_flag, settings_of


@click.command("runs")
@ledger_flag
@click.option("--limit", type=click.IntRange(min=1), default=20, help="How many (default 20).")
def command(limit: int, **flags: Any) -> None:  # noqa: ANN401
    """List the newest runs that the ledger knows."""
    from bulk_provision.job import LedgerPlace

    with LedgerPlace.of(settings_of(None, **flags)).open() as ledger:
        records = ledger.runs(limit=limit)
    if not records:
        click.echo("No runs yet.")
        return
    click.echo(
        f"{'run':>5}  {'started (UTC)':<19}  {'account':>10}  {'state':<11}  {'rows':>9}  source"
    )
    for record in records:
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(record.started_at))
        what = record.source if record.undoes is None else f"undo of run {record.undoes}"
        if record.kind == "reconcile":
            what = f"reconcile {record.source}".rstrip()
        click.echo(
            f"{record.run_id:>5}  {started}  {record.appid:>10}  {record.state:<11}  "
            f"{record.rows:>9,}  {what}"
        )
