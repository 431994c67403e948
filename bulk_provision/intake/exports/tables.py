"""Exports that are tables: a header line that names the columns, in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from bulk_provision.intake.cells import ROW_SHORT, ROW_TOO_LONG, Doubt
from bulk_provision.intake.exports.export import (
    Certainty,
    Likeness,
    Seen,
    Shape,
    cells_of,
    header_name,
)
from bulk_provision.intake.readers.text import unwrapped
from bulk_provision.intake.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class TableExport:
    """A system whose exports are tables; also the description of one.

    Headers are given as `header_name` returns them. Where a column has had several names, all are
    given, separated by "|", and the first one that the file has is taken.

    Args:
        name: what `--from` calls it.
        title: the system and the kind of export, for people.
        needs: headers that must all be there.
        hints: headers that tell it from other tables which have those, too.
        certain: how many of the hints make it certain; fewer, down to `likely`, make it likely.
        likely: how many of the hints there must be at least.
        columns: the headers of the cells that `entry` is given, in the order of its arguments;
            a column that the file does not have gives blank cells.
        login: the header of the SIP login, for people: as the system writes it.
        password: the header of the SIP password, likewise; "" when there is none.
        left: header (as `header_name` returns it) → what it is, of columns that look like logins
            or passwords and are none; those are told that the file has.
        further: the names of the further cells that `entry` returns.
        entry: makes a record's cells out of a row's, as `cells_of` does; None: nothing is there.
        unquoted: whether each cell stands in quotation marks, and those in it are not doubled.
    """

    name: str
    title: str
    needs: frozenset[str]
    hints: frozenset[str] = frozenset()
    certain: int = 0
    likely: int = 0
    columns: tuple[str, ...]
    login: str
    password: str
    left: Mapping[str, str] = field(default_factory=dict)
    further: tuple[str, ...]
    entry: Callable[..., list[str] | None]
    unquoted: bool = False
    counted: str = field(default="row", init=False)

    def recognise(self, seen: Seen) -> Likeness | None:
        """Say how well a table fits, by its headers."""
        if seen.shape is not Shape.TABLE or not self.needs <= seen.headers:
            return None
        hints = len(self.hints & seen.headers)
        if hints < self.likely:
            return None
        certainty = Certainty.CERTAIN if hints >= self.certain else Certainty.LIKELY
        return Likeness(certainty, len(self.needs) + hints)

    def read(self, header: Sequence[str], records: Iterator[Record]) -> Iterator[Record]:
        """Turn the records below a header into entries.

        Args:
            header: its cells.
            records: below it; blank ones among them.

        A cell that `entry` returns as the login or password must be the very cell that it was
        given: it may be a `DoubtfulText`, whose doubt would be lost on the way.
        """
        names = [header_name(cell) for cell in header]
        width = len(names)
        # Beyond the last column a blank cell is added: it stands for the columns that are missing.
        pick = itemgetter(*(_place(names, column, width) for column in self.columns))
        for number, cells, doubts in records:
            if len(cells) != width:
                if doubt := _misfit(cells, width):
                    doubts = (*doubts, doubt)  # noqa: PLW2901
                cells = [*cells[:width], *[""] * (width - len(cells))]  # noqa: PLW2901
            cells.append("")
            picked = pick(cells)
            if any(cell[:1] == "=" for cell in picked):
                picked = [unwrapped(cell) for cell in picked]
            made = self.entry(*picked)
            if made is not None:
                yield number, made, doubts
            elif doubts:
                yield number, cells_of("", ""), doubts


def _place(names: Sequence[str], column: str, missing: int) -> int:
    """Return where the first of a column's names is."""
    for name in column.split("|"):
        if name in names:
            return names.index(name)
    return missing


def _misfit(cells: Sequence[str], width: int) -> Doubt | None:
    """Say what is wrong with a row that is as wide as its header not; blank cells are nothing."""
    if len(cells) > width:
        return ROW_TOO_LONG if any(map(str.strip, cells[width:])) else None
    return ROW_SHORT if any(map(str.strip, cells)) else None
