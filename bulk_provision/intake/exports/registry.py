"""Every reader there is, in one table."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from bulk_provision.errors import UsageError
from bulk_provision.intake.exports.export import AUTO, TABLE, Reader
from bulk_provision.intake.exports.grammars import GRAMMARS
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.tables_of_systems import TABLES

_ALL: tuple[Reader | TableExport, ...] = (*GRAMMARS, *TABLES)


def names() -> list[str]:
    """Return what `--from` may say to name a system; several readers can have one name."""
    return sorted({reader.name for reader in _ALL})


def check_system(name: str) -> str:
    """Return what `--from` says, if there is such a system.

    Raises:
        UsageError: there is none; it says which there are.
    """
    wanted = name.strip().lower()
    known = names()
    if wanted in (AUTO, TABLE, *known):
        return wanted
    close = difflib.get_close_matches(wanted, known, n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    raise UsageError(
        f"--from {name}: there is no system of this name.",
        f"{meant}There are: {', '.join(known)}; {AUTO} to have it found out, {TABLE} for an "
        "ordinary table.",
    )


def named(name: str) -> Sequence[Reader | TableExport]:
    """Return the readers of a system that there is."""
    return [reader for reader in _ALL if reader.name == name]
