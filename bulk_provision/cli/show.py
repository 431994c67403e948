"""`bulk-provision show RUN`."""

from __future__ import annotations

import time
from typing import Any

import click

from bulk_provision.cli.options import ledger_flag, settings_of


@click.command("show")
@click.argument("run_id", metavar="RUN", type=int)
@ledger_flag
@click.option("--rows", is_flag=True, help="Every row too, without passwords.")
def command(run_id: int, rows: bool, **flags: Any) -> None:  # noqa: ANN401
    """Show how run RUN went."""
    from bulk_provision.cli.reporting import outcome_lines
    from bulk_provision.job import LedgerPlace

    with LedgerPlace.of(settings_of(None, **flags)).open() as ledger:
        record = ledger.run(run_id)
        click.echo(
            f"Run {record.run_id}: {record.state}" + (f", {record.reason}" if record.reason else "")
        )
        if record.undoes is not None:
            click.echo(f"  undoes   run {record.undoes}")
        click.echo(f"  source   {record.source}" + (f" ({record.sheet})" if record.sheet else ""))
        click.echo(f"  account  {record.appid} at {record.base_url}")
        click.echo(f"  started  {_utc(record.started_at)} by {record.started_by}")
        click.echo(f"  ended    {_utc(record.ended_at)}")
        click.echo(f"  calls    {record.calls:,}")
        for line in outcome_lines(record.outcomes, record.later):
            click.echo(line)
        if rows:
            for row in ledger.result_rows(run_id):
                told = (str(row.number), row.username, row.outcome, row.message)
                click.echo("\t".join(_printable(text) for text in told))


def _printable(text: str) -> str:
    """Return text that cannot play tricks on a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _utc(moment: float | None) -> str:
    if moment is None:
        return "not yet (or it was killed)"
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))
