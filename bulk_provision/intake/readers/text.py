"""Text files: CSV and its relatives, as spreadsheet programs and other systems write them.

Read by the standard library's `csv` module. pandas was measured at twice its time per row, costs
more than a second to import, and its fast parser cannot tell a short row from blank cells.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import BinaryIO

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import (
    ENCODING_UNSURE,
    FORMULA_WRAPPER,
    QUOTES_UNSURE,
    ROW_QUOTES,
    ROW_UNQUOTED,
    Doubt,
    DoubtfulText,
    storable,
)
from bulk_provision.intake.heads import best_header
from bulk_provision.intake.readers.encodings import SAVE_AS_UTF8, find_encoding
from bulk_provision.intake.readers.workbook import DISGUISED
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

_SAMPLE_LINES = 60
_SEPARATORS = (",", ";", "\t", "|")
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE | re.DOTALL)
_WRAPPED = re.compile(r'="([^"]*)"')


class TextSheet:
    """A text file as one nameless sheet.

    Attributes:
        separator: between its cells.
        ended: whether the last line has a line end; that of a file that was cut off has none.
        bare_header: whether there are no quotation marks in its first line.
        wholly_quoted: whether its lines consist of cells in quotation marks that are not doubled
            inside, as far as its beginning shows.
    """

    name = ""
    hidden = False
    ragged = True

    def __init__(self, source: Source, mapping: Mapping[str, str], encoding: str | None) -> None:
        self._file = source.file
        self._source = source.shown
        self.encoding = find_encoding(source.file, self._source, encoding)
        with self._text() as text:
            sample = list(islice(text, _SAMPLE_LINES))
        separator = _SEP_LINE.fullmatch(sample[0]) if sample else None
        self._skip = 1 if separator else 0  # a spreadsheet program doesn't show that line either
        self.separator = separator[1] if separator else find_separator(sample, mapping)
        self.ended = _is_ended(source.file)
        self.bare_header = not any('"' in line for line in sample[self._skip : self._skip + 1])
        self.wholly_quoted = _is_wholly_quoted(sample[self._skip :])

    def records(self) -> Iterator[Record]:
        """Read from the top; a line with misplaced quotes is a record without cells."""
        return self._sure(self._records())

    def unquoted(self) -> Iterator[Record]:
        """Read, as `unquoted_records` does, a file whose cells all stand in bare quotes."""
        return self._sure(self._by_lines(unquoted_records))

    def verbatim(self) -> Iterator[Record]:
        """Read a file in which quotation marks mean nothing, as `verbatim_records` does."""
        return self._sure(self._by_lines(lambda lines: verbatim_records(lines, self.separator)))

    def _sure(self, records: Iterator[Record]) -> Iterator[Record]:
        """Doubt what the encoding leaves in doubt."""
        if self.encoding.clean:
            return records
        unsure = bool(self.encoding.unsure_line)
        return (
            (number, [_cleaned(cell, unsure=unsure) for cell in cells], doubts)
            for number, cells, doubts in records
        )

    def _by_lines(self, reading: Callable[[Iterable[str]], Iterator[Record]]) -> Iterator[Record]:
        with self._text() as text:
            for _ in range(self._skip):
                next(text)
            yield from reading(text)

    def _records(self) -> Iterator[Record]:
        nothing: tuple[Doubt, ...] = ()
        number = 0
        with self._text() as text:
            for _ in range(self._skip):
                next(text)
            reader = csv.reader(text, delimiter=self.separator, strict=True)
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
        # A guessed code page leaves bytes undefined: replaced, such cells are doubtful anyway.
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


def unquoted_records(lines: Iterable[str]) -> Iterator[Record]:
    """Read lines whose cells all stand in quotation marks, with those inside not doubled.

    So does the batch export of Issabel and Elastix: `"Vikram "Vicky" Shah","303"`. What stands
    between the first mark and the last is split at `","`. Where two marks follow each other in a
    cell, it cannot be told whether the file was saved by something that doubles them.

    Args:
        lines: from the header on, with their ends.
    """
    width = 0
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if not text.strip():
            yield number, [], ()
            continue
        cells = text[1:-1].split('","') if _is_quoted(text) else []
        width = width or len(cells)
        if not cells or len(cells) != width:
            yield number, [], (ROW_UNQUOTED,)
            continue
        if '""' in "\n".join(cells):
            cells = [DoubtfulText(cell, QUOTES_UNSURE) if '""' in cell else cell for cell in cells]
        yield number, cells, ()


def verbatim_records(lines: Iterable[str], separator: str) -> Iterator[Record]:
    """Read lines in which quotation marks mean nothing, as `mysql --batch` writes them.

    A cell that begins and ends with one may have got them from a spreadsheet program.

    Args:
        lines: from the header on, with their ends.
        separator: between cells.
    """
    for number, line in enumerate(lines, 1):
        cells = line.rstrip("\r\n").split(separator)
        if '"' in line:
            cells = [
                DoubtfulText(cell, QUOTES_UNSURE) if _is_quoted(cell) else cell for cell in cells
            ]
        yield number, cells, ()


def _is_ended(file: BinaryIO) -> bool:
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 4))
    end = file.read().rstrip(b"\0")  # of UTF-16
    return not end or end.endswith((b"\n", b"\r"))


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == '"' == text[-1]


def _is_wholly_quoted(lines: Sequence[str]) -> bool:
    """Say whether most lines consist of cells in quotation marks, as many as the header's."""
    header, *others = [line.strip() for line in lines if line.strip()] or [""]
    cells = header[1:-1].split('","')
    if not _is_quoted(header) or any('"' in cell for cell in cells):
        return False
    fitting = [_is_quoted(line) and line[1:-1].count('","') == len(cells) - 1 for line in others]
    return sum(fitting) * 2 >= len(fitting)


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
    """A text file as a book of one sheet.

    Args:
        source: the file.
        mapping: the user's `--map`; it helps to find the separator.
        encoding: the codec that the user named; None to find out.

    Raises:
        SourceError: it is no text, or not in that encoding.
    """

    def __init__(
        self, source: Source, mapping: Mapping[str, str], encoding: str | None = None
    ) -> None:
        self._sheet = TextSheet(source, mapping, encoding)
        self._suffix = source.suffix
        self.sheets: Sequence[Sheet] = (self._sheet,)

    def notes(
        self,
        sheet: Sheet,  # noqa: ARG002 - an encoding is the whole file's
        credentials: Sequence[int],  # noqa: ARG002
        others: Sequence[int],  # noqa: ARG002
    ) -> list[Problem]:
        """Tell when the encoding is a guess, or the file's name that of a workbook."""
        notes = [DISGUISED] if self._suffix == ".xls" else []
        encoding = self._sheet.encoding
        if encoding.unsure_line:
            notes.append(
                Problem(
                    "encoding-assumed",
                    f"line {encoding.unsure_line}",
                    "",
                    f"the file is not UTF-8 from here on; it was read as {encoding.shown}, which "
                    "is a guess",
                    f"{SAVE_AS_UTF8} Or say what it is: --encoding {encoding.shown}",
                    warning=True,
                )
            )
        return notes

    def close(self) -> None:
        """Nothing is open but the source's own file."""


def unwrapped(cell: str) -> str:
    """Return what a spreadsheet program shows for a CSV cell such as `="0042"`: 0042."""
    if match := _WRAPPED.fullmatch(cell):
        return DoubtfulText(match[1], FORMULA_WRAPPER)
    return cell
