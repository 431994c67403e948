"""Text files: CSV and its relatives, as spreadsheet programs and other systems write them.

Read by the standard library's `csv` module. pandas was measured at twice its time per row, costs
more than a second to import, and its fast parser cannot tell a short row from blank cells.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import (
    ENCODING_UNSURE,
    FORMULA_WRAPPER,
    ROW_QUOTES,
    Doubt,
    DoubtfulText,
    storable,
)
from bulk_provision.intake.heads import best_header
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

_CHUNK = 1 << 20
_LINE_LIMIT = 2 * _CHUNK  # bytes without a line end: no table looks like that
_SAMPLE_LINES = 60
_SEPARATORS = (",", ";", "\t", "|")
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE | re.DOTALL)
_WRAPPED = re.compile(r'="([^"]*)"')
_SAVE_AS_UTF8 = "In the spreadsheet program, save it as 'CSV UTF-8'."


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes are to be read.

    Args:
        codec: for Python's decoder.
        unsure_line: the first line that is not UTF-8, when Windows-1252 is only a guess; else 0.
        clean: True when the text holds no NUL, so that cells need not be looked through.
    """

    codec: str
    unsure_line: int
    clean: bool


def find_encoding(file: BinaryIO, name: str) -> Encoding:
    """Read a file once and tell its encoding.

    UTF-8 (with or without a byte order mark) and UTF-16 (with one) are certain. Anything else is
    read as Windows-1252: nearly always right for names, and never trusted for credentials.

    Raises:
        SourceError: the bytes are no text, or a line never ends.
    """
    file.seek(0)
    start = file.read(8192)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = "utf-16"
    elif start.count(b"\x00") * 10 > len(start):  # UTF-16 has every other byte zero
        raise SourceError(
            f"{name}: this is not a text file (or UTF-16 without its mark).", _SAVE_AS_UTF8
        )
    else:
        codec = "utf-8-sig"
    file.seek(0)
    decoder = codecs.getincrementaldecoder(codec)()
    lines = unended = 0
    clean = True
    while chunk := file.read(_CHUNK):
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            if codec == "utf-16":
                raise _damaged(name, lines) from None
            lines += error.object.count(b"\n", 0, error.start)
            return Encoding("cp1252", lines + 1, clean=False)
        clean = clean and "\x00" not in text
        ended = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        unended = len(chunk) - ended - 1 if ended >= 0 else unended + len(chunk)
        if unended > _LINE_LIMIT:
            raise SourceError(
                f"{name}, line {lines + 1}: it has more than {_LINE_LIMIT >> 20} MiB. "
                "This is no table.",
                _SAVE_AS_UTF8,
            )
        lines += chunk.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if codec == "utf-16":
            raise _damaged(name, lines) from None
        return Encoding("cp1252", lines + 1, clean=False)
    return Encoding(codec, 0, clean)


def _damaged(name: str, lines: int) -> SourceError:
    return SourceError(
        f"{name}, line {lines + 1}: the text is damaged (not valid UTF-16).", _SAVE_AS_UTF8
    )


class TextSheet:
    """A text file as one nameless sheet."""

    name = ""
    hidden = False
    ragged = True

    def __init__(self, source: Source, mapping: Mapping[str, str]) -> None:
        self._file = source.file
        self._source = source.shown
        self.encoding = find_encoding(source.file, self._source)
        with self._text() as text:
            sample = list(islice(text, _SAMPLE_LINES))
        separator = _SEP_LINE.fullmatch(sample[0]) if sample else None
        self._skip = 1 if separator else 0  # a spreadsheet program doesn't show that line either
        self._separator = separator[1] if separator else find_separator(sample, mapping)

    def records(self) -> Iterator[Record]:
        """Read from the top; a line with misplaced quotes is a record without cells."""
        if self.encoding.clean:
            return self._records()
        unsure = bool(self.encoding.unsure_line)
        return (
            (number, [_cleaned(cell, unsure=unsure) for cell in cells], doubts)
            for number, cells, doubts in self._records()
        )

    def _records(self) -> Iterator[Record]:
        nothing: tuple[Doubt, ...] = ()
        number = 0
        with self._text() as text:
            for _ in range(self._skip):
                next(text)
            reader = csv.reader(text, delimiter=self._separator, strict=True)
            going_on = True
            while going_on:
                try:
                    for cells in reader:
                        number += 1
                        yield number, cells, nothing
                    going_on = False
                except csv.Error as error:  # the reader can go on with the next line
                    number += 1
                    if "expected after" not in str(error):  # a quote that is never closed
                        raise self._endless_quote(number) from None
                    yield number, [], (ROW_QUOTES,)

    @contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        """Decode from the start; line ends stay as they are, for quoted cells may hold some."""
        self._file.seek(0)
        # Windows-1252 leaves five bytes undefined: replaced, since such cells are doubtful anyway.
        text = io.TextIOWrapper(self._file, self.encoding.codec, errors="replace", newline="")
        try:
            yield text
        finally:
            if not self._file.closed:
                text.detach()  # else the file would be closed with its wrapper

    def _endless_quote(self, number: int) -> SourceError:
        return SourceError(
            f"{self._source}, row {number}: a quotation mark opens a text there that does not end, "
            f"or only after {csv.field_size_limit():,} characters.",
            "Close it, or take it away; a quote inside a quoted text is written twice.",
        )


def _cleaned(cell: str, *, unsure: bool) -> str:
    if unsure and not cell.isascii():
        return DoubtfulText(storable(cell), ENCODING_UNSURE)
    return storable(cell)


def find_separator(lines: Sequence[str], mapping: Mapping[str, str]) -> str:
    """Tell the separator by the header: the one with which most known columns are seen.

    Where no header is recognised, it is the one that makes the widest first lines.
    """

    def worth(separator: str) -> tuple[int, int]:
        try:
            rows = [cells for cells in csv.reader(lines, delimiter=separator) if any(cells)]
        except csv.Error:
            return 0, 0
        if not rows:
            return 0, 0
        position, fits = best_header([(0, cells, ()) for cells in rows], mapping)
        return fits, len(rows[position])

    return max(_SEPARATORS, key=worth)


class TextBook:
    """A text file as a book of one sheet."""

    def __init__(self, source: Source, mapping: Mapping[str, str]) -> None:
        self._sheet = TextSheet(source, mapping)
        self.sheets: Sequence[Sheet] = (self._sheet,)

    def notes(
        self,
        sheet: Sheet,  # noqa: ARG002 - an encoding is the whole file's
        credentials: Sequence[int],  # noqa: ARG002
        others: Sequence[int],  # noqa: ARG002
    ) -> list[Problem]:
        """Tell when the encoding is a guess."""
        line = self._sheet.encoding.unsure_line
        if not line:
            return []
        return [
            Problem(
                "encoding-assumed",
                f"line {line}",
                "",
                "the file is not UTF-8 from here on; it was read as Windows-1252",
                _SAVE_AS_UTF8,
                warning=True,
            )
        ]

    def close(self) -> None:
        """Nothing is open but the source's own file."""


def unwrapped(cell: str) -> str:
    """Return what a spreadsheet program shows for a CSV cell such as `="0042"`: 0042."""
    if match := _WRAPPED.fullmatch(cell):
        return DoubtfulText(match[1], FORMULA_WRAPPER)
    return cell
