"""Reads an export that is a table in this process, without a command: recognised, then read."""

from __future__ import annotations

import csv
import io
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from bulk_provision.intake.cells import Doubt
from bulk_provision.intake.exports.export import Seen, Shape, header_name
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.tables_of_systems import TABLES
from bulk_provision.intake.readers.text import TextBook, TextSheet
from bulk_provision.intake.source import Source

SAMPLES = Path(__file__).parent / "exports"
READERS = {reader.name: reader for reader in TABLES}
HEADER_WITHIN = 3  # Entra's template begins with its version


class Entry(NamedTuple):
    number: int
    remarks: str
    login: str
    password: str
    further: dict[str, str]  # those that are not blank
    doubts: tuple[Doubt, ...]

    @property
    def kinds(self) -> list[str]:
        return [doubt.kind for doubt in self.doubts]


def sheet_of(content: str | bytes) -> TextSheet:
    data = content.encode() if isinstance(content, str) else content
    (sheet,) = TextBook(Source("export.csv", io.BytesIO(data), "", ".csv"), {}).sheets
    assert isinstance(sheet, TextSheet)
    return sheet


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def table(content: str | bytes) -> tuple[list[list[str]], str]:
    """Return a table's cells, from its header on, and its separator."""
    sheet = sheet_of(content)
    rows = [cells for _, cells, _ in sheet.records()]
    return rows[header_at(rows) :], sheet.separator


def written(rows: list[list[str]], separator: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    return text.getvalue()


def seen(header: list[str]) -> Seen:
    return Seen(Shape.TABLE, "", "export.csv", frozenset(map(header_name, header)))


def likenesses(header: list[str]) -> dict[str, object]:
    """Return how well the header fits each reader that it fits at all."""
    found = {name: reader.recognise(seen(header)) for name, reader in READERS.items()}
    return {name: likeness for name, likeness in found.items() if likeness}


def header_at(rows: list[list[str]]) -> int:
    fitting = [at for at, cells in enumerate(rows[:HEADER_WITHIN]) if likenesses(cells)]
    return fitting[0] if fitting else 0


def read(reader: TableExport | str, content: str | bytes) -> list[Entry]:
    """Read an export as it is, with the reader's own way with quotation marks."""
    reader = READERS[reader] if isinstance(reader, str) else reader
    sheet = sheet_of(content)
    heads = (cells for _, cells, _ in islice(sheet.records(), HEADER_WITHIN))
    start = next((at for at, cells in enumerate(heads) if likenesses(cells)), 0)
    records = reader.records_in(sheet)
    for _ in range(start):
        next(records)
    _, header, _ = next(records)
    return [entry(reader, record) for record in reader.read(header, records, ended=sheet.ended)]


def entry(reader: TableExport, record: tuple[int, list[str], tuple[Doubt, ...]]) -> Entry:
    number, (remarks, login, password, *cells), doubts = record
    further = dict(zip(reader.further, cells, strict=False))
    filled = {name: cell for name, cell in further.items() if cell}
    return Entry(number, remarks, login, password, filled, doubts)
