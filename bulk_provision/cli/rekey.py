"""`bulk-provision rekey`."""

from __future__ import annotations

import os
from typing import Any

import click

from bulk_provision.cli.options import ledger_flag, settings_of

_NEW_KEY = "BULK_PROVISION_NEW_KEY"


@click.command("rekey")
@ledger_flag
def command(**flags: Any) -> None:  # noqa: ANN401
    """Encrypt every password in the ledger anew, under another key.

    A new key is made and put in the place of the ledger's key file. If the key comes from
    BULK_PROVISION_KEY instead, give the new one in BULK_PROVISION_NEW_KEY (32 bytes in base64).
    """
    from bulk_provision.errors import UsageError
    from bulk_provision.job import LedgerPlace

    settings = settings_of(None, **flags)
    new_key = os.environ.get(_NEW_KEY)
    if (settings.key is None) != (new_key is None):
        raise UsageError(
            "The old key and the new one must come from the same kind of place.",
            f"With BULK_PROVISION_KEY set, set {_NEW_KEY} too; with a key file, set neither.",
        )
    with LedgerPlace.of(settings).open() as ledger:
        count = ledger.rekey(new_key)
        click.echo(f"{count:,} passwords are encrypted under the new key.")
        where = (
            "set BULK_PROVISION_KEY to it from now on"
            if new_key
            else f"it lies in {ledger.key_file}"
        )
        click.echo(f"Keep the key apart from the ledger's backups: {where}.")
