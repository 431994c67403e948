"""`bulk-provision export RUN -o FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from bulk_provision.cli.options import ledger_flag, protect_flags, settings_of


@click.command("export")
@click.argument("run_id", metavar="RUN", type=int)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Where to write."
)
@ledger_flag
@click.option("--csv", is_flag=True, help="Write four CSV files instead of a workbook.")
@protect_flags
@click.option("--yes", is_flag=True, help="Overwrite.")
def command(run_id: int, output: Path, csv: bool, yes: bool, **flags: Any) -> None:  # noqa: ANN401
    """Write the results of run RUN again, with what the ledger knows now."""
    from bulk_provision.cli.protecting import key_of
    from bulk_provision.job import LedgerPlace, Results, write_results

    settings = settings_of(None, **flags)
    has_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    key = key_of(settings, csv=csv, has_terminal=has_terminal)
    results = Results(csv=csv, overwrite=yes, protect=key.password)
    with LedgerPlace.of(settings).open() as ledger:
        for path in write_results(ledger, run_id, output, results):
            click.echo(f"Results: {path}")
    key.show()
