"""A source, opened as what it is: a spreadsheet of users, or another system's export of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

from bulk_provision.errors import NotAnExportError, SourceError
from bulk_provision.intake.apart.reading import ReadApart
from bulk_provision.intake.columns import check_mapping
from bulk_provision.intake.exported import ExportedUsers, Taking
from bulk_provision.intake.exports.export import AUTO, TABLE, Certainty, Told
from bulk_provision.intake.layout import locate
from bulk_provision.intake.pages import refuse_plan
from bulk_provision.intake.readers.books import Wishes
from bulk_provision.intake.readers.encodings import check_encoding
from bulk_provision.intake.source import open_source
from bulk_provision.intake.table import Table
from bulk_provision.model import Secret


def open_users(
    source: str,
    *,
    sheet: str | None = None,
    mapping: Mapping[str, str] = MappingProxyType({}),
    encoding: str | None = None,
    password: Secret | None = None,
    stdin: BinaryIO | None = None,
    system: str | None = None,
    taking: Taking | None = None,
    proposing: bool = False,
) -> Table | ExportedUsers:
    """Open a file of users.

    Args:
        source: a path, or "-" for standard input; a folder, for a system that exports folders.
        sheet: the worksheet to read; None to choose the one whose header has usernames.
        mapping: field (username, password, name, email) to column: its header, or its letter.
        encoding: of a text file, such as "windows-1250"; None to find out.
        password: of a protected workbook.
        stdin: what to read for "-"; the process's own standard input when None.
        system: whose export it is, as `--from` says; None for a spreadsheet, which is refused
            when it is certainly an export: what it means would be lost.
        taking: which users of an export are taken.
        proposing: open also what is only likely to be a system's export.

    Returns:
        The users; close them, or use them as a context manager.

    Raises:
        SourceError: the file cannot be read, or no users are found in it, or nobody said whose
            export it is.
        UsageError: the mapping makes no sense, or there is no such system.
    """
    check_mapping(mapping)
    wishes = Wishes(
        mapping,
        None if encoding is None else check_encoding(encoding),
        password,
        _system(system),
    )
    opened = open_source(source, stdin, wishes.system)
    book: ReadApart | None = None
    try:
        book = ReadApart(opened, wishes)
        if book.told is None:
            refuse_plan(book, opened.shown)
            _check_recognised(wishes, opened.shown)
            return Table(opened, book, locate(book, sheet, mapping, opened.shown), wishes)
        if not proposing:
            _check_said(book.told, wishes.system, opened.shown)
        found_out = wishes.system == AUTO
        return ExportedUsers(opened, book, book.told, taking or Taking(), found_out=found_out)
    except BaseException:
        if book is not None:
            book.close()
        opened.file.close()
        raise


def _system(name: str | None) -> str | None:
    """Return what `--from` says; the readers are imported only to know their names."""
    if name in (None, AUTO, TABLE):
        return name
    from bulk_provision.intake.exports.registry import check_system  # noqa: PLC0415

    return check_system(name)


def open_table(
    source: str,
    *,
    sheet: str | None = None,
    mapping: Mapping[str, str] = MappingProxyType({}),
    encoding: str | None = None,
    password: Secret | None = None,
    stdin: BinaryIO | None = None,
) -> Table:
    """Open a spreadsheet or text file as a table of users, whatever it looks like.

    The arguments and the errors are those of `open_users`.
    """
    users = open_users(
        source,
        sheet=sheet,
        mapping=mapping,
        encoding=encoding,
        password=password,
        stdin=stdin,
        system=TABLE,
    )
    assert isinstance(users, Table)
    return users


def _check_said(told: Told, system: str | None, shown: str) -> None:
    """Refuse what only looks like an export: detection proposes, the user decides."""
    if system is None:
        raise SourceError(
            f"{shown}: this looks like an export of {told.title}.",
            f"To read it as that: --from {told.name}. To read it as an ordinary table: --from "
            "table. To see what is in it: bulk-provision inspect FILE",
        )
    if system == AUTO and (told.certainty is not Certainty.CERTAIN or told.others):
        several = ", ".join([told.name, *told.others])
        raise SourceError(
            f"{shown}: it is not certain whose export this is; it could be: {several}.",
            f"Say which: --from {told.name}, for example. To see what is in it: bulk-provision "
            "inspect FILE",
        )


def _check_recognised(wishes: Wishes, shown: str) -> None:
    """Refuse to guess what the columns of an unknown system mean."""
    if wishes.system == AUTO and "username" not in wishes.mapping:
        raise NotAnExportError(
            f"{shown}: this is no system's export that is known.",
            "If it is a table, say which columns have the logins: --map username=COLUMN --map "
            "password=COLUMN. Or name the system: --from NAME.",
        )
