"""The source: is it there, can it be read, is there a table of users in it?"""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

from bulk_provision.doctor.results import Health, Result
from bulk_provision.job import Source
from bulk_provision.setting_up import file_to_read
from bulk_provision.settings import is_inbox, is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.intake import Users
    from bulk_provision.settings import Settings

_ROWS = 20  # that are read


def source(settings: Settings) -> Iterator[Result]:
    """Open the source that a run would read, and read a few rows of it."""
    given = settings.source
    if given is None or given == "-":
        what = "none is named" if given is None else "it comes on standard input"
        yield Result("source", Health.SKIPPED, what)
        return
    if is_inbox(given) and not os.access(given, os.W_OK | os.X_OK):
        what = f"files cannot be moved away from {given} when they are done."
        yield Result("source", Health.FAILED, what, "Give this user the right to write there.")
    file = file_to_read(given)
    if file is None and (is_inbox(given) or is_pattern(given)):
        what = f"there is nothing to read now: {given}."
        yield Result("source", Health.WARNING, what, "See that it comes.")
        return
    opened = Source.of(settings, given if file is None else str(file))
    with opened.open() as table:
        rows = list(islice(table.rows(), _ROWS))
        yield Result("source", Health.OK, _told(table, len(rows)))
        yield from _account_column(settings, table)


def _told(table: Users, rows: int) -> str:
    fields = ", ".join(f"{field} in {header!r}" for field, header in table.fields.items())
    sheet = f", sheet {table.sheet}" if table.sheet else ""
    some = "no rows" if rows == 0 else f"the first {rows} rows can be read"
    return f"{table.source}{sheet}: {fields}; {some}"


def _account_column(settings: Settings, table: Users) -> Iterator[Result]:
    wanted = settings.account_column
    if wanted is not None and wanted.casefold() not in map(str.casefold, table.columns):
        what = f"there is no column {wanted!r}; there are: {', '.join(table.columns) or 'none'}."
        yield Result("source", Health.FAILED, what, "Correct account_column.")
