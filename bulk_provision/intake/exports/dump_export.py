"""Systems whose users are a table in a database: read from a dump of it, by the table's own reader.

A row is mapped as one of the same table in a CSV file is; the number of a record is the row's
number in the table.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import ClassVar

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import DoubtfulText
from bulk_provision.intake.exports.asterisk_realtime import ASTERISK_REALTIME
from bulk_provision.intake.exports.dump import Dump
from bulk_provision.intake.exports.export import Certainty, File, Likeness, Seen, Shape, Tell
from bulk_provision.intake.exports.kamailio import KAMAILIO, OPENSIPS, SUBSCRIBER
from bulk_provision.intake.exports.other_shapes import OtherShape
from bulk_provision.intake.exports.plain_text import decoding_of
from bulk_provision.intake.exports.vicidial import PHONES, VICIDIAL
from bulk_provision.intake.records import Record

_DATABASE = re.compile(r"Database: (\w{1,64})|\\connect (\w{1,64})|USE `(\w{1,64})`")


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpExport(OtherShape):
    """A system's table in an SQL dump.

    Args:
        of: as in `OtherShape`,
        values: and this, too.
        table: the table's name.
        databases: names that its database often has.
    """

    called: ClassVar[str] = "SQL dump"

    table: str
    databases: frozenset[str]
    shape: Shape = field(default=Shape.SQL, init=False)
    counted: str = field(default="row", init=False)

    def recognise(self, seen: Seen) -> Likeness | None:
        """Say how well a dump fits: by the table's columns, or else by the database's name."""
        if seen.shape is not self.shape:
            return None
        if columns := self._columns(seen.text):
            return self.of.recognise(Seen(Shape.TABLE, "", seen.name, frozenset(columns)))
        named = {name for names in _DATABASE.findall(seen.text) for name in names if name}
        return Likeness(Certainty.LIKELY, 1) if named & self.databases else None

    def _columns(self, text: str) -> tuple[str, ...]:
        """Return the table's columns, if they stand in a dump's beginning."""
        dump = Dump(io.StringIO(text), "", frozenset({self.table}))
        with suppress(SourceError):  # the beginning ends somewhere
            for columns, _ in dump.statements():
                return columns
        return dump.created.get(self.table, ())

    def records(self, files: Iterator[File], tell: Tell) -> Iterator[Record]:  # noqa: ARG002
        """Read the rows of the table, from all files."""
        rows = _Numbered()
        name = ""
        for file in files:
            name = file.name
            decoding = decoding_of(file, lines=False)
            with decoding.text() as text:
                dump = Dump(text, file.name, frozenset({self.table}))
                for columns, values in dump.statements():
                    numbered = rows.of(values, decoding.cell)
                    yield from self.values.read(columns, numbered, ragged=False, place=file.name)
        if not rows.number:
            raise SourceError(
                f"{name}: this cannot be read as {self.title}: there are no rows of a table "
                f"{self.table} in it.",
                f"Dump that table (mysqldump DATABASE {self.table}), and give that file.",
            )


@dataclass(slots=True)
class _Numbered:
    """Numbers rows over all statements and files.

    Args:
        number: of the last row; 0 before the first.
    """

    number: int = 0

    def of(self, rows: Iterator[list[str]], cell: Callable[[str], str]) -> Iterator[Record]:
        """Make records of rows."""
        for cells in rows:
            self.number += 1
            yield self.number, [_as_cell(value, cell) for value in cells], ()


def _as_cell(value: str, cell: Callable[[str], str]) -> str:
    return value if isinstance(value, DoubtfulText) else cell(value)


KAMAILIO_DUMP = DumpExport(
    of=KAMAILIO,
    values=SUBSCRIBER,
    table="subscriber",
    databases=frozenset({"kamailio", "openser", "ser"}),
)
OPENSIPS_DUMP = DumpExport(
    of=OPENSIPS, values=SUBSCRIBER, table="subscriber", databases=frozenset({"opensips"})
)
VICIDIAL_DUMP = DumpExport(
    of=VICIDIAL,
    values=PHONES,
    table="phones",
    databases=frozenset({"asterisk", "vicidial", "goautodial"}),
)
REALTIME_DUMP = DumpExport(
    of=ASTERISK_REALTIME,
    values=replace(ASTERISK_REALTIME, database=False),
    table="ps_auths",
    databases=frozenset(),
)
