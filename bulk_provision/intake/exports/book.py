"""An export, opened: whose it is, and its entries as the records of a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

from bulk_provision.errors import NotAnExportError, SourceError
from bulk_provision.intake.columns import listed
from bulk_provision.intake.exports.content import Content, content_of
from bulk_provision.intake.exports.export import (
    AUTO,
    TABLE,
    Certainty,
    Likeness,
    Reader,
    Seen,
    Shape,
    Told,
    header_name,
)
from bulk_provision.intake.exports.grammars import GRAMMARS
from bulk_provision.intake.exports.registry import named
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.tables_of_systems import TABLES
from bulk_provision.intake.exports.wrong import recognise as recognise_wrong
from bulk_provision.intake.readers.books import Wishes, decrypted, open_book
from bulk_provision.intake.readers.text import TextSheet
from bulk_provision.intake.records import Book, Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

_HEADER_WITHIN = 30  # records from the top
_SHEETS_SEEN = 20


class Spot(NamedTuple):
    """Where a table's header is.

    Args:
        sheet: the sheet.
        row: the header's number there.
        cells: the header.
    """

    sheet: Sheet
    row: int
    cells: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """The headers as readers compare them."""
        return frozenset(map(header_name, self.cells)) - {""}


@dataclass(slots=True)
class ExportSheet:
    """The entries of an export, as one sheet."""

    content: Content
    reader: Reader | TableExport
    spot: Spot | None
    name: str = ""
    hidden: bool = False
    ragged: bool = False
    warnings: list[Problem] = field(default_factory=list)

    def records(self) -> Iterator[Record]:
        """Read from the top: a record has the remarks, the login, the password, further cells."""
        if self.spot is None:
            assert not isinstance(self.reader, TableExport)
            self.warnings.clear()
            return self.reader.records(self.content.files(), self.warnings.append)
        assert isinstance(self.reader, TableExport)
        sheet = self.spot.sheet
        return self.reader.read(
            self.spot.cells,
            _below(self.spot.row, self.reader.records_in(sheet)),
            ragged=sheet.ragged,
            ended=sheet.ended if isinstance(sheet, TextSheet) else True,
            place=self.content.source.shown,
        )


class ExportBook:
    """An export as a book.

    Args:
        sheet: its entries.
        told: what is told of it.
        book: the book that the sheet is read from, if it is a table.
    """

    def __init__(self, sheet: ExportSheet, told: Told, book: Book | None) -> None:
        self.told = told
        self.sheets: Sequence[Sheet] = (sheet,)
        self._sheet = sheet
        self._book = book

    def notes(
        self,
        sheet: Sheet,  # noqa: ARG002 - there is but one
        credentials: Sequence[int],  # noqa: ARG002
        others: Sequence[int],  # noqa: ARG002
    ) -> list[Problem]:
        """Tell what is worth a warning, as far as the entries were read."""
        notes = list(self._sheet.warnings)
        if self._book is not None and self._sheet.spot is not None:
            notes += self._book.notes(self._sheet.spot.sheet, (), ())
        return notes

    def close(self) -> None:
        """Let go of what is open."""
        self._sheet.content.close()
        if self._book is not None:
            self._book.close()


class Opened(NamedTuple):
    """A source, opened.

    Args:
        book: its sheets: tables as they are, or an export's entries.
        told: whose export it is; None when it is read as a table.
    """

    book: Book
    told: Told | None


def open_source_book(source: Source, wishes: Wishes) -> Opened:
    """Open a source as what the user says, or as what it seems to be.

    Where the user says nothing (`wishes.system` None), a table is read as a table unless it is
    certainly some system's export.

    Raises:
        SourceError: it is protected, damaged, no table and no known export, or not the one that
            was named.
    """
    source = decrypted(source, wishes.password)
    if wishes.system == TABLE or (wishes.system is None and "username" in wishes.mapping):
        return Opened(open_book(source, wishes), None)
    content = content_of(source)
    try:
        if wishes.system not in (None, AUTO):
            return _as(named(wishes.system), content, wishes)
        opened = _as_seems(content, wishes)
    except BaseException:
        content.close()
        raise
    if opened.told is None and content.unpacked is None:  # the book needs the source alone
        content.close()
    return opened


class Fit(NamedTuple):
    """A reader that a source could be read by.

    Args:
        likeness: how well it fits; None: the user named it, and the file does not look like it.
        reader: the reader.
        spot: where its header is, if it is a table.
    """

    likeness: Likeness | None
    reader: Reader | TableExport
    spot: Spot | None


def _as(readers: Sequence[Reader | TableExport], content: Content, wishes: Wishes) -> Opened:
    """Open a source as one system's export."""
    shaped = [reader for reader in readers if not isinstance(reader, TableExport)]
    if fits := _fits(shaped, content):
        return _opened(fits[0], content, None)
    tables = [reader for reader in readers if isinstance(reader, TableExport)]
    # What was looked at of an archive need not be the file that tells.
    could_be = [one for one in shaped if content.archive or one.shape is content.seen.shape]
    if could_be and not tables:
        return _opened(Fit(None, could_be[0], None), content, None)
    if not tables or not content.may_be_table:
        raise SourceError(
            f"{content.source.shown}: this is {content.shown}, and not what "
            f"{readers[0].title} exports.",
            "See what it is: bulk-provision inspect FILE",
        )
    book = open_book(replace(content.source, suffix=""), wishes)
    spots = list(_spots(book))
    fits = _table_fits(tables, content, spots)
    return _opened(fits[0] if fits else _named(tables, content, spots), content, book)


def _named(tables: Sequence[TableExport], content: Content, spots: Sequence[Spot]) -> Fit:
    """Return the likeliest header for a reader that does not recognise any."""
    known = [
        (len(table.needs & spot.names), -spot.row, table, spot)
        for table in tables
        for spot in spots
        if table.needs & spot.names
    ]
    if not known:
        raise _no_header(content, tables[0], spots)
    _, _, table, spot = max(known, key=lambda one: one[:2])
    return Fit(None, table, spot)


def _as_seems(content: Content, wishes: Wishes) -> Opened:
    """Open a source as what it looks like."""
    _refuse_wrong(content.seen, content)
    if fits := _fits(GRAMMARS, content):
        return _opened(fits[0], content, None, _as_good(fits))
    if wishes.system == AUTO and not content.may_be_table:
        raise NotAnExportError(
            f"{content.source.shown}: this is {content.shown}, and no system's export "
            "that is known.",
            "If you know whose it is, name the system: --from NAME.",
        )
    by_name = content.source if wishes.system is None else replace(content.source, suffix="")
    book = open_book(by_name, wishes)
    spots = list(_spots(book))
    for spot in spots:
        _refuse_wrong(_seen(content, spot), content)
    fits = _table_fits(TABLES, content, spots)
    if wishes.system is None:  # nobody asked: an ordinary table may well look like an export
        fits = [fit for fit in fits if fit.likeness and fit.likeness.certainty is Certainty.CERTAIN]
    return _opened(fits[0], content, book, _as_good(fits)) if fits else Opened(book, None)


def _refuse_wrong(seen: Seen, content: Content) -> None:
    if wrong := recognise_wrong(seen):
        raise NotAnExportError(f"{content.source.shown}: this is {wrong.what}.", wrong.instead)


def _seen(content: Content, spot: Spot) -> Seen:
    return content.seen._replace(shape=Shape.TABLE, headers=spot.names)


def _fits(readers: Sequence[Reader], content: Content) -> list[Fit]:
    """Return the readers, tables apart, that a source fits; the best one first."""
    fits = [(reader.recognise(content.seen), reader) for reader in readers]
    found = [Fit(likeness, reader, None) for likeness, reader in fits if likeness is not None]
    return sorted(found, key=_likeness, reverse=True)


def _table_fits(
    tables: Sequence[TableExport], content: Content, spots: Sequence[Spot]
) -> list[Fit]:
    """Return the tables, and where their headers are, that a source fits; the best one first."""
    fits = [
        (table.recognise(_seen(content, spot)), table, spot) for spot in spots for table in tables
    ]
    found = [Fit(likeness, table, spot) for likeness, table, spot in fits if likeness is not None]
    return sorted(found, key=_likeness, reverse=True)


def _likeness(fit: Fit) -> Likeness:
    assert fit.likeness is not None
    return fit.likeness


def _as_good(fits: Sequence[Fit]) -> tuple[str, ...]:
    """Return the systems that a source fits as well as the first one."""
    best = fits[0]
    return tuple(
        dict.fromkeys(
            fit.reader.name
            for fit in fits[1:]
            if fit.likeness == best.likeness and fit.reader.name != best.reader.name
        )
    )


def _spots(book: Book) -> Iterator[Spot]:
    """Yield every row that could be a header: the first ones of each sheet."""
    for sheet in islice(book.sheets, _SHEETS_SEEN):
        with suppress(SourceError):  # whoever reads it says so; it may not be read like this
            for number, cells, _ in islice(sheet.records(), _HEADER_WITHIN):
                if any(map(str.strip, cells)):
                    yield Spot(sheet, number, tuple(map(str, cells)))


def _below(row: int, records: Iterator[Record]) -> Iterator[Record]:
    for record in records:
        if record[0] > row:
            yield record


def _opened(fit: Fit, content: Content, book: Book | None, others: tuple[str, ...] = ()) -> Opened:
    likeness, reader, spot = fit
    told = Told(
        name=reader.name,
        title=reader.title,
        certainty=None if likeness is None else likeness.certainty,
        login=_login_in(reader, spot),
        password=_password_in(reader, spot),
        left=_left_in(reader, content, spot),
        further=reader.further,
        counted=reader.counted,
        others=others,
    )
    sheet = ExportSheet(content, reader, spot, spot.sheet.name if spot else "")
    return Opened(ExportBook(sheet, told, book), told)


def _login_in(reader: Reader | TableExport, spot: Spot | None) -> str:
    if spot is None or not isinstance(reader, TableExport):
        return reader.login
    return reader.login_in(spot.cells)


def _password_in(reader: Reader | TableExport, spot: Spot | None) -> str:
    if spot is None or not isinstance(reader, TableExport):
        return reader.password
    return reader.password_in(spot.cells)


def _left_in(
    reader: Reader | TableExport, content: Content, spot: Spot | None
) -> Mapping[str, str]:
    """Tell what was left of what the source has, or may have beyond what was looked at."""
    if spot is not None and isinstance(reader, TableExport):
        return reader.left_in(spot.cells)
    return {
        name: what
        for name, what in reader.left.items()
        if not content.is_seen_whole or name.strip("<>[]") in content.seen.text
    }


def _no_header(content: Content, table: TableExport, spots: Sequence[Spot]) -> SourceError:
    widest = max(spots, key=lambda spot: len(spot.names), default=None)
    seen = f" The headers are: {listed(widest.cells)}." if widest is not None else ""
    return SourceError(
        f"{content.source.shown}: this is not what {table.title} exports: none of its columns "
        f"{', '.join(sorted(table.needs))} is there.{seen}",
        "See what it is: bulk-provision inspect FILE",
    )
