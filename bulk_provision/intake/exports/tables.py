"""Exports that are tables: a header line that names the columns, in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import (
    CREDENTIAL_UNENDED,
    ESCAPES_UNSURE,
    LINE_CUT,
    LINE_UNENDED,
    ROW_IS_HEADER,
    ROW_QUOTES,
    ROW_SHORT,
    ROW_TOO_LONG,
    Doubt,
    DoubtfulText,
)
from bulk_provision.intake.exports.export import (
    SKIPPED,
    Certainty,
    Likeness,
    Remark,
    Seen,
    Shape,
    cells_of,
    header_name,
)
from bulk_provision.intake.readers.text import TextSheet, unwrapped
from bulk_provision.intake.records import Record, Sheet

_SKIPPED = frozenset(str(remark) for remark in SKIPPED)
_NULLS = frozenset({"NULL", "\\N"})  # as `mysql -B` and `SELECT … INTO OUTFILE` write it
_ESCAPES = ("\\\\", "\\n", "\\t", "\\r", "\\0")


class _Plan(NamedTuple):
    """How the rows of a table are read.

    Args:
        width: how many cells its header has.
        tail: cells that are put after a row's own.
        pick: takes the cells for `entry` out of those.
        heading: what it takes out of the header.
        key: which of the cells taken is the password (the login, when there is no password).
        nameless: the columns without a header, in which nothing may stand.
    """

    width: int
    tail: list[str]
    pick: Callable[[Sequence[str]], Sequence[str]]
    heading: Sequence[str]
    key: int
    nameless: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableExport:
    r"""A system whose exports are tables; also the description of one.

    Headers are given as `header_name` returns them. Where a column has had several names, all are
    given, separated by "|", and the first one that the file has is taken.

    Args:
        name: what `--from` calls it.
        title: the system and the kind of export, for people.
        needs: headers that must all be there.
        hints: headers that tell it from other tables which have those, too.
        certain: how many of the hints make it certain; fewer, down to `likely`, make it likely.
        likely: how many of the hints there must be at least.
        proofs: if given, headers without any of which it is never certain.
        columns: the headers of the cells that `entry` is given, in the order of its arguments;
            a column that the file does not have gives blank cells.
        absent: column → what to take when the file does not have it, if that is not blank.
        login: the header of the SIP login, for people: as the system writes it.
        otherwise: the headers, as `header_name` returns them, that hold the login where that is
            blank, one after the other.
        password: the header of the SIP password, likewise; "" when there is none.
        left: header (as `header_name` returns it) → what it is, of columns that look like logins
            or passwords and are none; those are told that the file has.
        further: the names of the further cells that `entry` returns.
        entry: makes a record's cells out of a row's, as `cells_of` does. It need not care whether
            there is a login: a row without one is no user, and a blank row nothing at all. What
            it returns as the login or password must be the very cell that it was given: that may
            be a `DoubtfulText`, whose doubt would be lost on the way.
        unquoted: whether each cell stands in quotation marks, and those in it are not doubled.
        database: whether it is a database's table, as database clients write it: with `NULL` or
            `\N` for nothing, perhaps with `\\` for a backslash, and in tab-separated files
            without any quotation marks of their own.
        known_as: turns a header into the name by which it is known here.
    """

    name: str
    title: str
    needs: frozenset[str]
    hints: frozenset[str] = frozenset()
    certain: int = 0
    likely: int = 0
    proofs: frozenset[str] = frozenset()
    columns: tuple[str, ...]
    absent: Mapping[str, str] = field(default_factory=dict)
    login: str
    otherwise: tuple[str, ...] = ()
    password: str
    left: Mapping[str, str] = field(default_factory=dict)
    further: tuple[str, ...]
    entry: Callable[..., list[str]]
    unquoted: bool = False
    database: bool = False
    known_as: Callable[[str], str] = header_name
    counted: str = field(default="row", init=False)

    def recognise(self, seen: Seen) -> Likeness | None:
        """Say how well a table fits, by its headers."""
        if seen.shape is not Shape.TABLE:
            return None
        headers = {self.known_as(header) for header in seen.headers}
        hints = len(self.hints & headers)
        if not self.needs <= headers or hints < self.likely:
            return None
        proven = not self.proofs or not self.proofs.isdisjoint(headers)
        certainty = Certainty.CERTAIN if proven and hints >= self.certain else Certainty.LIKELY
        return Likeness(certainty, len(self.needs) + hints)

    def login_in(self, header: Sequence[str]) -> str:
        """Tell where the login is, as a file's header writes it: "AuthID, else Extension"."""
        wanted = (self.known_as(self.login), *self.otherwise)
        return ", else ".join(filter(None, (self._written(header, name) for name in wanted)))

    def password_in(self, header: Sequence[str]) -> str:
        """Tell where the password is, as a file's header writes it; "": nowhere."""
        return self._written(header, self.known_as(self.password)) if self.password else ""

    def left_in(self, header: Sequence[str]) -> dict[str, str]:
        """Tell which columns of a file were left, as its header writes them → what they are."""
        known = {cell.strip(): self.known_as(cell) for cell in header}
        return {cell: self.left[name] for cell, name in known.items() if name in self.left}

    def records_in(self, sheet: Sheet) -> Iterator[Record]:
        """Read a sheet as this system's exports are written, if that is not as all others are."""
        if isinstance(sheet, TextSheet):
            if self.unquoted and sheet.wholly_quoted:
                return sheet.unquoted()
            if self.database and sheet.separator == "\t" and sheet.bare_header:
                return sheet.verbatim()
        return sheet.records()

    def read(
        self,
        header: Sequence[str],
        records: Iterator[Record],
        *,
        ragged: bool = True,
        ended: bool = True,
        place: str = "",
    ) -> Iterator[Record]:
        """Turn the records below a header into entries.

        Args:
            header: its cells.
            records: below it; blank ones among them.
            ragged: whether a line's number of cells means something (`Sheet.ragged`).
            ended: whether the last line has a line end (`TextSheet.ended`): if not, it may be cut.
            place: the file and sheet, for errors.

        Raises:
            SourceError: a column that is needed is missing, or the login or password stands twice.
        """
        plan = self._plan(header, ragged=ragged, place=place)
        width, tail, pick, heading, key, nameless = plan
        database, entry = self.database, self.entry
        if not ended:
            credentials = [heading[self._at(name)] for name in (self.login, self.password) if name]
            at_credential = header[-1] != "" and header[-1] in credentials
            records = _doubting_last(records, width, at_credential=at_credential)
        for number, cells, doubts in records:
            if len(cells) != width:
                if ragged and (doubt := _misfit(cells, width)):
                    doubts = (*doubts, doubt)  # noqa: PLW2901
                cells = [*cells[:width], *[""] * (width - len(cells))]  # noqa: PLW2901
            elif nameless and any(cells[at].strip() for at in nameless):
                doubts = (*doubts, ROW_TOO_LONG)  # noqa: PLW2901 - a separator too many shifts cells
            picked = pick(cells + tail)
            joined = "".join(picked)
            if "=" in joined or (database and ("NULL" in joined or "\\" in joined)):
                picked = self._plain(picked, key, ragged=ragged)
            if heading[key] and picked[key] == heading[key] and _is_heading(picked, heading):
                doubts = (*doubts, ROW_IS_HEADER)  # noqa: PLW2901
            made = entry(*picked)
            login = made[1]
            if type(login) is str and (not login or login.isspace()):
                made = _without_login(made) if any(map(str.strip, cells)) else cells_of("", "")
                if made[0] or any(not doubt.warning for doubt in doubts):
                    yield number, made, doubts
            else:
                yield number, made, doubts

    def _plan(self, header: Sequence[str], *, ragged: bool, place: str) -> _Plan:
        names = [self.known_as(cell) for cell in header]
        self._check(names, place)
        width = len(names)
        # Beyond the last column stands what is taken for the columns that are missing.
        tail = ["", *self.absent.values()]
        instead = {column: width + 1 + at for at, column in enumerate(self.absent)}
        places = [_place(names, column, instead.get(column, width)) for column in self.columns]
        pick = itemgetter(*places)
        nameless = tuple(at for at, name in enumerate(names) if not name) if ragged else ()
        key = self._at(self.password or self.login)
        return _Plan(width, tail, pick, pick([*header, *tail]), key, nameless)

    def _written(self, header: Sequence[str], name: str) -> str:
        """Return how a header writes a column; "" when it does not have it."""
        return next((cell.strip() for cell in header if self.known_as(cell) == name), "")

    def _check(self, names: Sequence[str], place: str) -> None:
        where = f"{place}: " if place else ""
        if missing := sorted(self.needs.difference(names)):
            raise SourceError(
                f"{where}this cannot be read as {self.title}: there is no column "
                f"{_listed(missing)}.",
                "Export it again with all its columns; or leave --from out, to have the system "
                "found by what is there.",
            )
        credentials = {self.columns[self._at(name)] for name in (self.login, self.password) if name}
        columns = [name for column in credentials for name in column.split("|")]
        twice = sorted(name for name in columns if names.count(name) > 1)
        if twice:
            raise SourceError(
                f"{where}the header has {_listed(twice)} more than once, and it cannot be told "
                "which one is meant.",
                "Take the other column away, and save the file.",
            )

    def _at(self, header: str) -> int:
        """Return the position among `columns` of the login's or password's."""
        name = self.known_as(header)
        return next(at for at, column in enumerate(self.columns) if name in column.split("|"))

    def _plain(self, picked: Sequence[str], key: int, *, ragged: bool) -> list[str]:
        """Look closer at cells that may be written in another way than they are meant."""
        if ragged:
            picked = [unwrapped(cell) for cell in picked]
        if self.database:
            picked = ["" if cell in _NULLS else cell for cell in picked]
            if any(escape in picked[key] for escape in _ESCAPES):
                picked[key] = DoubtfulText(picked[key], ESCAPES_UNSURE)
        return list(picked)


def _without_login(made: list[str]) -> list[str]:
    """Say of an entry that it has no login, unless it is none of a user's anyway."""
    return made if made[0] in _SKIPPED else [str(Remark.NO_LOGIN), "", "", *made[3:]]


def _place(names: Sequence[str], column: str, missing: int) -> int:
    """Return where the first of a column's names is."""
    for name in column.split("|"):
        if name in names:
            return names.index(name)
    return missing


def _misfit(cells: Sequence[str], width: int) -> Doubt | None:
    """Say what is wrong with a row that is not as wide as its header; blank cells are nothing."""
    if len(cells) > width:
        return ROW_TOO_LONG if any(map(str.strip, cells[width:])) else None
    if any('\\"' in cell for cell in cells):
        # PHP's fputcsv doesn't double a quote behind a backslash: what follows is swallowed.
        return ROW_QUOTES
    return ROW_SHORT if any(map(str.strip, cells)) else None


def _is_heading(picked: Sequence[str], heading: Sequence[str]) -> bool:
    """Say whether a row is the header once more; one cell may differ, by a byte order mark."""
    return sum(map(str.__ne__, picked, heading)) <= 1


def _doubting_last(
    records: Iterator[Record], width: int, *, at_credential: bool
) -> Iterator[Record]:
    """Doubt the last line, which has no end: where a file was cut, it ends in such a line."""
    last: Record | None = None
    for record in records:
        if last is not None:
            yield last
        last = record
    if last is not None:
        number, cells, doubts = last
        whole = CREDENTIAL_UNENDED if at_credential else LINE_UNENDED
        if any(map(str.strip, cells)):
            doubts = (*doubts, LINE_CUT if len(cells) < width else whole)
        yield number, cells, doubts


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
