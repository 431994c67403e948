"""OpenDocument spreadsheets (.ods): the package round the tables.

Everything is in `content.xml` (ODF 1.3 part 3, 3.1.3.2), one table a sheet. It is streamed: once
to list the sheets, and again for the rows of each.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from xml.parsers import expat

from bulk_provision.intake.readers.ods_cell import TABLE
from bulk_provision.intake.readers.ods_table import TableParser, watch_tables
from bulk_provision.intake.readers.workbook import (
    BROKEN_ZIP,
    HiddenColumns,
    check_passes,
    damage_told,
    protected,
)
from bulk_provision.intake.readers.xml_parts import DamagedError, parsed, safe_parser
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

_STYLE = "urn:oasis:names:tc:opendocument:xmlns:style:1.0 "
_DISPLAY = TABLE + "display"
_CONTENT = "content.xml"
_MANIFEST = "META-INF/manifest.xml"
_PASSES_LIMIT = 2 << 30  # bytes
_MANIFEST_LIMIT = 16 << 20  # bytes
_SIGNS_OF_DAMAGE: tuple[type[Exception], ...] = (DamagedError, expat.ExpatError, *BROKEN_ZIP)


class OdsBook:
    """An open OpenDocument spreadsheet.

    Args:
        source: an .ods file.

    Raises:
        SourceError: the file is damaged, protected, or no OpenDocument spreadsheet.
    """

    def __init__(self, source: Source) -> None:
        self._name = source.shown
        with self._damage_told():
            self._archive = zipfile.ZipFile(source.file)
            if self._encrypted():
                raise protected(self._name)
            self.sheets: Sequence[Sheet] = tuple(self._sheets())
            size = self._archive.getinfo(_CONTENT).file_size
            check_passes(self._name, len(self.sheets), size, _PASSES_LIMIT)

    def notes(
        self, sheet: Sheet, credentials: Sequence[int], others: Sequence[int]
    ) -> list[Problem]:
        """Tell of hidden columns that were read."""
        assert isinstance(sheet, OdsSheet)
        return sheet.hidden_columns.notes(sheet.name, [*credentials, *others])

    def close(self) -> None:
        """Let go of the archive; the source's file stays open."""
        self._archive.close()

    def records(self, parser: TableParser) -> Iterator[Record]:
        """Yield a sheet's rows."""
        with self._damage_told(), self._archive.open(_CONTENT) as content:
            yield from parser.rows(content)

    def _damage_told(self) -> AbstractContextManager[None]:
        return damage_told(self._name, "OpenDocument spreadsheet", _SIGNS_OF_DAMAGE)

    def _encrypted(self) -> bool:
        """Say whether the manifest tells of encryption (ODF 1.3 part 2, 4.4).

        It is not read as XML: programs of old gave it a document type.
        """
        if _MANIFEST not in self._archive.namelist():
            return False
        with self._archive.open(_MANIFEST) as manifest:
            return b"encryption-data" in manifest.read(_MANIFEST_LIMIT)

    def _sheets(self) -> list[OdsSheet]:
        """List the sheets; a hidden one has a style that says so (ODF 1.3 part 3, 20.397)."""
        sheets: list[OdsSheet] = []
        hidden: set[str] = set()
        style = ""

        def opened(index: int, attributes: dict[str, str]) -> None:
            out_of_sight = attributes.get(TABLE + "style-name") in hidden
            name = attributes.get(TABLE + "name", "")
            sheets.append(OdsSheet(self, name, index, hidden=out_of_sight))

        def styled(name: str, attributes: dict[str, str]) -> None:
            nonlocal style
            if name == _STYLE + "style":
                style = attributes.get(_STYLE + "name", "")
            elif name == _STYLE + "table-properties" and attributes.get(_DISPLAY) == "false":
                hidden.add(style)

        parser = safe_parser(" ")
        watch_tables(parser, opened, styled)
        with self._archive.open(_CONTENT) as content:
            for _ in parsed(parser, content):
                pass
        if not sheets:
            raise DamagedError("it has no sheets")
        return sheets


class OdsSheet:
    """A sheet of an OpenDocument spreadsheet."""

    ragged = False

    def __init__(self, book: OdsBook, name: str, index: int, *, hidden: bool) -> None:
        self.name = name
        self.hidden = hidden
        self.hidden_columns = HiddenColumns()
        self._book = book
        self._index = index

    def records(self) -> Iterator[Record]:
        """Read from the top."""
        self.hidden_columns = HiddenColumns()
        return self._book.records(TableParser(self._index, self.hidden_columns))
