"""Kamailio's and OpenSIPS's db_text: a table `subscriber` in a text file.

Source: kamailio/kamailio `src/modules/db_text/dbt_file.c`. The first line names the columns with
their types, `username(string) password(string,null)`, separated by blanks. Below it the cells of a
row are separated by a delimiter, mostly `:`; a backslash before it makes it a part of the cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOBase
from typing import ClassVar

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import LINE_UNENDED, Doubt
from bulk_provision.intake.exports.export import File, Likeness, Seen, Shape, Tell
from bulk_provision.intake.exports.kamailio import KAMAILIO, OPENSIPS, SUBSCRIBER
from bulk_provision.intake.exports.other_shapes import OtherShape
from bulk_provision.intake.exports.plain_text import Decoding, decoding_of
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.records import Record

_COLUMN = re.compile(r" *([A-Za-z_][\w]{0,63}) *\( *[sidbtSIDBT]\w{0,20} *(?:, *\w{0,20} *)?\)")
_COLUMNS_LIMIT = 100
_DELIMITERS = ":|;,\t\x1f"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "0": "\0"}
_SAMPLE = 20

_MISFIT = Doubt(
    "row-misfit",
    "it has not as many cells as the first line has columns, so the cells cannot be told apart",
    "Put a backslash before a delimiter that belongs to a cell; or copy the file again.",
)
_BAD_ESCAPE = Doubt(
    "escape-unknown",
    "a backslash stands there before a letter that means nothing; Kamailio refuses such a file",
    "Write two backslashes for one.",
)


def _columns(line: str) -> list[str]:
    """Read the first line; none when it is not one of db_text's."""
    columns: list[str] = []
    at = 0
    line = line.rstrip("\r\n ")
    while at < len(line) and len(columns) < _COLUMNS_LIMIT:
        match = _COLUMN.match(line, at)
        if match is None:
            return []
        columns.append(match[1].lower())
        at = match.end()
    return columns


def _split(line: str, delimiter: str) -> tuple[list[str], tuple[Doubt, ...]]:
    """Split a row into its cells."""
    if "\\" not in line:
        return line.split(delimiter), ()
    cells = [""]
    doubts: tuple[Doubt, ...] = ()
    pieces = iter(re.split(f"({re.escape(delimiter)}|\\\\.)", line, flags=re.DOTALL))
    for piece in pieces:
        if piece == delimiter:
            cells.append("")
        elif piece[:1] == "\\" and piece[1:] != delimiter:
            if piece[1:] not in _ESCAPES:
                doubts = (_BAD_ESCAPE,)
            cells[-1] += _ESCAPES.get(piece[1:], piece)
        else:
            cells[-1] += piece.removeprefix("\\")
    return cells, doubts


def _delimiter(lines: list[str], width: int) -> str:
    """Tell the delimiter: the one with which most rows have as many cells as there are columns."""

    def worth(delimiter: str) -> int:
        return sum(len(_split(line, delimiter)[0]) == width for line in lines)

    return max(_DELIMITERS, key=worth)  # of those that fit as well, the first


@dataclass(frozen=True, slots=True, kw_only=True)
class DbTextExport(OtherShape):
    """A table `subscriber` as db_text keeps it; its arguments are those of `OtherShape`."""

    called: ClassVar[str] = "db_text"

    values: TableExport = SUBSCRIBER
    shape: Shape = field(default=Shape.TEXT, init=False)
    counted: str = field(default="line", init=False)

    def recognise(self, seen: Seen) -> Likeness | None:
        """Say how well a text fits, by its first line."""
        if seen.shape is not self.shape:
            return None
        columns = frozenset(_columns(seen.text.lstrip("\ufeff").partition("\n")[0]))
        return self.of.recognise(Seen(Shape.TABLE, "", seen.name, columns)) if columns else None

    def records(self, files: Iterator[File], tell: Tell) -> Iterator[Record]:  # noqa: ARG002
        """Read the rows of the first file that is such a table."""
        name = ""
        for file in files:
            name = name or file.name
            decoding = decoding_of(file)
            with decoding.text() as text:
                columns = _columns(text.readline())
                if columns:
                    rows = self._rows(text, decoding, len(columns))
                    yield from self.values.read(columns, rows, ragged=False, place=file.name)
                    return
        raise SourceError(
            f"{name}, line 1: the columns with their types do not stand there, as in "
            "username(string) password(string): this is no table of db_text.",
            "Give the file subscriber of the folder in which db_text keeps its tables.",
        )

    def _rows(self, text: TextIOBase, decoding: Decoding, width: int) -> Iterator[Record]:
        sample = [line.rstrip("\r\n") for line, _ in zip(text, range(_SAMPLE), strict=False)]
        delimiter = _delimiter([line for line in sample if line], width)
        cell = decoding.cell
        with decoding.text() as again:
            again.readline()
            for number, line in enumerate(again, start=2):
                said = line.rstrip("\r\n")
                if not said:
                    continue
                cells, doubts = _split(said, delimiter)
                if len(cells) != width:
                    doubts = (*doubts, _MISFIT)
                    cells = [*cells[:width], *[""] * (width - len(cells))]
                elif not line.endswith("\n"):  # the last: where a file was cut, it ends so
                    doubts = (*doubts, LINE_UNENDED)
                yield number, [cell(value) for value in cells], doubts


KAMAILIO_DB_TEXT = DbTextExport(of=KAMAILIO)
OPENSIPS_DB_TEXT = DbTextExport(of=OPENSIPS)
