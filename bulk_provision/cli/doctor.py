"""`bulk-provision doctor`."""

from __future__ import annotations

import asyncio
import json as json_format
import sys
from typing import TYPE_CHECKING, Any

import click

from bulk_provision.cli.options import (
    EPILOG,
    account_flags,
    ledger_flag,
    settings_of,
    source_flags,
)

if TYPE_CHECKING:
    from pathlib import Path

    from bulk_provision.doctor import Result
    from bulk_provision.settings import Settings


@click.command("doctor", epilog=EPILOG)
@source_flags
@account_flags
@ledger_flag
@click.option("--send-test", is_flag=True, help="Send a test notice to whoever is told.")
@click.option("--json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")
def command(job: Path | None, *, send_test: bool, json: bool, **flags: Any) -> None:  # noqa: ANN401
    """Look at everything that a run needs, as the run would find it.

    Settings, secrets, source, ledger and key, folders, disk, clock, the way to the vendor, a
    harmless call (list_sip, page 1), and who is told. Nothing is changed. Let it run as the user
    that the job runs as.

    Exit code 0: nothing failed (there may be warnings); 1: something did; 2: the settings make no
    sense.
    """
    settings = settings_of(job, **flags)
    found = asyncio.run(_examined(settings, send_test=send_test, tell=not json))
    exit_code = int(any(result.health == "failed" for result in found))
    if json:
        checks = [result._asdict() for result in found]
        click.echo(json_format.dumps({"checks": checks, "exit_code": exit_code}))
    sys.exit(exit_code)


async def _examined(settings: Settings, *, send_test: bool, tell: bool) -> list[Result]:
    """Look, and tell at once what was found."""
    from bulk_provision.doctor import examined

    found = []
    async for result in examined(settings, send_test=send_test):
        found.append(result)
        if tell:
            click.echo(f"{result.health:<8} {result.name:<12} {result.what}")
            if result.cure:
                click.echo(f"{'':<21} {result.cure}")
    return found
