"""`bulk-provision forget`."""

from __future__ import annotations

import sys
from typing import Any

import click

from bulk_provision.cli.options import ledger_flag, settings_of


@click.command("forget")
@click.option("--run", "run_id", type=int, metavar="RUN", help="Passwords of this run.")
@click.option(
    "--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="… older than this."
)
@ledger_flag
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(run_id: int | None, older_than: float | None, yes: bool, **flags: Any) -> None:  # noqa: ANN401
    """Erase passwords from the ledger once they are delivered. It cannot be undone.

    Results of those runs can be written again, but without passwords. Endpoints in doubt keep
    theirs: without it nobody could find out whether they are ours.
    """
    from bulk_provision.errors import UsageError
    from bulk_provision.job import LedgerPlace

    if (run_id is None) == (older_than is None):
        raise UsageError("Say what to forget.", "Give --run RUN or --older-than DAYS.")
    with LedgerPlace.of(settings_of(None, **flags)).open() as ledger:
        if not yes:
            _ask(
                f"run {run_id}" if run_id is not None else f"what is older than {older_than:g} days"
            )
        erased = ledger.forget(run_id=run_id, older_than=older_than)
    click.echo(
        f"Erased for good: the passwords of {erased.credentials:,} endpoints, and of "
        f"{erased.cells:,} rows of sources."
    )
    if erased.kept:
        click.echo(f"Kept: {erased.kept:,} passwords of endpoints that are not settled yet.")


def _ask(what: str) -> None:
    from bulk_provision.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("Forgetting cannot be undone, and nobody is there to ask.", "Add --yes.")
    if not click.confirm(f"Erase the passwords of {what}? It cannot be undone.", err=True):
        raise UsageError("Nothing was erased.")
