"""What the cells of rows are called where people name them: in rules and expressions."""

from __future__ import annotations

import unicodedata
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, TypeAlias

from bulk_provision.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.intake import Users
    from bulk_provision.model import Row

CellOf: TypeAlias = "Callable[[Row], str]"
"""Takes the text of one cell out of a row, as it stands there."""

USERNAME = "username"
_PASSWORD = "password"  # noqa: S105  (the name of a field)
_SHOWN = 30  # names that an error lists: a source may have thousands of columns


def cell_named(users: Users, name: str, flag: str) -> CellOf:
    """Find the cell that a name means.

    It is `username` (or that column's header), the header of a further column, or `name` or
    `email` where the source calls that column otherwise. Upper and lower case are alike, unless
    two headers differ by nothing else. The password has no name: nobody can ask for it.

    Args:
        users: the source.
        name: as somebody wrote it.
        flag: in which he wrote it, for the error.

    Raises:
        UsageError: there is no such cell, or more than one.
    """
    wanted = _folded(name)
    fields = {field: _folded(header) for field, header in users.fields.items()}
    if wanted == _PASSWORD or (wanted and wanted == fields.get(_PASSWORD)):
        raise UsageError(
            f"{flag} names {name!r}, and passwords can be used for nothing but to log in.",
            f"Name another column: {listed_names(users)}.",
        )
    if wanted == USERNAME:
        return attrgetter("username")
    columns = [at for at, header in enumerate(users.columns) if header == name]
    columns = columns or [at for at, one in enumerate(users.columns) if _folded(one) == wanted]
    if not columns and wanted == fields[USERNAME]:
        return attrgetter("username")
    if not columns and wanted in fields:  # "name", of a column that is called "Full name"
        columns = [at for at, one in enumerate(users.columns) if _folded(one) == fields[wanted]]
    if len(columns) == 1:
        return _further(columns[0])
    if not columns:
        raise UsageError(
            f"{flag} names {name!r}, and {users.source} has no such column.",
            f"It has: {listed_names(users)}.",
        )
    found = ", ".join(repr(users.columns[at]) for at in columns)
    raise UsageError(
        f"{flag} names {name!r}, and {users.source} has several columns that may be meant: "
        f"{found}.",
        "Write it exactly as its header is written.",
    )


def listed_names(users: Users) -> str:
    """Return the names that there are, for people."""
    names = [USERNAME, *users.columns]
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(name.strip()[:40] for name in names[:_SHOWN]) + more


def _further(column: int) -> CellOf:
    pick = itemgetter(column)
    return lambda row: pick(row.others)


def _folded(name: str) -> str:
    """Return a name as names are compared: Python's parser normalises identifiers as NFKC, too."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
