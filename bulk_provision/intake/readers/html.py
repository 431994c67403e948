"""Web pages with tables: what many systems call an .xls file when they export one.

Each table is a sheet, "Table 1" and so on. A page is read as text, chunk by chunk: once for its
encoding, once to list the tables, and again for the rows of each.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

from bulk_provision.errors import SourceError
from bulk_provision.intake.readers.html_table import TableParser
from bulk_provision.intake.readers.workbook import (
    DISGUISED,
    SAVE_AS,
    HiddenColumns,
    check_passes,
    damage_told,
)
from bulk_provision.intake.readers.xml_parts import DamagedError
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

_CHUNK = 1 << 16
_PASSES_LIMIT = 30 << 20  # bytes: half a minute
_HEAD = 8192  # bytes in which a page says its encoding; browsers look at 1024
_CHARSET = re.compile(rb"<meta\b[^>]{0,500}?\bcharset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_SIGNS_OF_DAMAGE = (DamagedError, AssertionError, LookupError, ValueError)

# What browsers take these names for (WHATWG Encoding, 4.2): supersets that hold what was meant.
_MEANT = {
    **dict.fromkeys(("ascii", "us-ascii", "iso-8859-1", "iso8859-1", "latin1"), "cp1252"),
    **dict.fromkeys(("iso-8859-9", "latin5"), "cp1254"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "gb_2312-80"), "gb18030"),
    **dict.fromkeys(("shift_jis", "sjis", "x-sjis", "shift-jis"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "ksc5601"), "cp949"),
    **dict.fromkeys(("tis-620", "iso-8859-11"), "cp874"),
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a page's bytes are to be read.

    Args:
        codec: for Python's decoder.
        unsure: whether it is only a guess.
    """

    codec: str
    unsure: bool = False


def find_encoding(file: BinaryIO) -> Encoding:
    """Tell a page's encoding: by its mark; UTF-8 if all of it is; or as the page says itself."""
    file.seek(0)
    head = file.read(_HEAD)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding("utf-16", unsure=not _is_all(file, "utf-16"))
    if _is_all(file, "utf-8"):
        return Encoding("utf-8-sig")
    charset = _CHARSET.search(head)
    name = charset[1].decode("ascii", "replace").lower() if charset else ""
    codec = _MEANT.get(name, name)
    if codec.startswith("utf") or not _is_codec(codec):
        return Encoding("cp1252", unsure=True)
    return Encoding(codec, unsure=not _is_all(file, codec))


def _is_all(file: BinaryIO, codec: str) -> bool:
    """Say whether all bytes are of an encoding: what a page says of itself may be wrong."""
    decoder = codecs.getincrementaldecoder(codec)()
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_codec(name: str) -> bool:
    try:
        return b"<".decode(name) == "<"  # what is no encoding of text (such as zip) refuses
    except (LookupError, ValueError):
        return False


class HtmlBook:
    """An open web page.

    Args:
        source: an HTML file, whatever it is called.

    Raises:
        SourceError: there is no table in it.
    """

    def __init__(self, source: Source) -> None:
        self._name = source.shown
        self._file = source.file
        self._suffix = source.suffix
        self._encoding = find_encoding(source.file)
        listing = TableParser(None, HiddenColumns())
        with self._damage_told():
            for _ in listing.rows(self._page()):
                pass
        if not listing.tables:
            raise SourceError(f"{self._name}: this is a web page without any table.", SAVE_AS)
        size = source.file.seek(0, os.SEEK_END)
        check_passes(self._name, len(listing.tables), size, _PASSES_LIMIT)
        self.sheets: Sequence[Sheet] = tuple(
            HtmlSheet(self, index, hidden=hidden) for index, hidden in enumerate(listing.tables)
        )

    def notes(
        self, sheet: Sheet, credentials: Sequence[int], others: Sequence[int]
    ) -> list[Problem]:
        """Tell of hidden columns that were read, and when the encoding is a guess."""
        assert isinstance(sheet, HtmlSheet)
        notes = [DISGUISED] if self._suffix == ".xls" else []
        notes += sheet.hidden_columns.notes(sheet.name, [*credentials, *others])
        if self._encoding.unsure:
            notes.append(
                Problem(
                    "encoding-assumed",
                    sheet.name,
                    "",
                    "the page is not UTF-8, and does not say rightly what else it is; it was read "
                    f"as {self._encoding.codec}",
                    SAVE_AS,
                    warning=True,
                )
            )
        return notes

    def close(self) -> None:
        """Nothing is open but the source's own file."""

    def records(self, index: int, hidden: HiddenColumns) -> Iterator[Record]:
        """Yield a table's rows."""
        parser = TableParser(index, hidden, unsure=self._encoding.unsure)
        with self._damage_told():
            yield from parser.rows(self._page())

    def _page(self) -> Iterator[str]:
        """Decode from the start; other sheets may be read meanwhile."""
        decoder = codecs.getincrementaldecoder(self._encoding.codec)(errors="replace")
        at = 0
        while True:
            self._file.seek(at)
            chunk = self._file.read(_CHUNK)
            at += len(chunk)
            yield decoder.decode(chunk, final=not chunk)
            if not chunk:
                return

    def _damage_told(self) -> AbstractContextManager[None]:
        return damage_told(self._name, "web page", _SIGNS_OF_DAMAGE)


class HtmlSheet:
    """A table of a web page."""

    ragged = False

    def __init__(self, book: HtmlBook, index: int, *, hidden: bool) -> None:
        self.name = f"Table {index + 1}"
        self.hidden = hidden
        self.hidden_columns = HiddenColumns()
        self._book = book
        self._index = index

    def records(self) -> Iterator[Record]:
        """Read from the top; rows are counted in the table."""
        self.hidden_columns = HiddenColumns()
        return self._book.records(self._index, self.hidden_columns)
