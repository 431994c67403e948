"""The users in another system's export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from types import MappingProxyType

from bulk_provision.characters import visible
from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import Doubt, DoubtfulText
from bulk_provision.intake.exports.export import SKIPPED, WITHOUT_PASSWORD, Remark, Told
from bulk_provision.intake.exports.remarks import LEFT_OUT, REPLACED, UNUSABLE
from bulk_provision.intake.records import Book, Record
from bulk_provision.intake.source import Source
from bulk_provision.intake.users import Closable
from bulk_provision.model import Problem, Row

_PLACES = 3  # of what was left out: places that are told


@dataclass(frozen=True, slots=True)
class Taking:
    """Which users of an export are taken.

    Args:
        disabled: take those, too, that are switched off in the old system.
        generate_passwords: make new passwords for users whose old ones are not usable.
    """

    disabled: bool = False
    generate_passwords: bool = False


@dataclass(slots=True)
class LeftOut:
    """Entries that were left out for one reason: how many, and the first few."""

    count: int = 0
    first: list[Problem] = field(default_factory=list)

    def problems(self) -> Iterator[Problem]:
        """Yield one for each entry; beyond the first few they have no place of their own."""
        yield from self.first
        yield from repeat(self.first[-1], self.count - len(self.first))


class ExportedUsers(Closable):
    """The users in another system's export, row by row; made by `open_users`.

    Args:
        source: the open file.
        book: its entries.
        told: whose export it is.
        taking: which users are taken.
        found_out: whether nobody said whose it is: then that is told.

    Attributes:
        source: the file's path as it was given; "-" for standard input.
        sheet: the worksheet read; "" for what has none.
        sha256: of the source's bytes, in hex.
        columns: the names of the columns that travel along.
        fields: "username" and "password" → where they are found, as the export names it.
        is_export: True,
        is_renamed: and False: the usernames are those of the old system,
        selection: of all users.
        told: whose export it is.
        skipped: how many entries were left out, by remark; known once `rows` came to its end.
    """

    spreadsheet = None
    is_export = True
    is_renamed = False
    selection = ""

    def __init__(
        self, source: Source, book: Book, told: Told, taking: Taking, *, found_out: bool = False
    ) -> None:
        self._source = source
        self._book = book
        self._taking = taking
        self.source = source.name
        self.sheet = book.sheets[0].name
        self.sha256 = source.sha256
        self.told = told
        self.columns = told.further
        fields = {"username": told.login} | ({"password": told.password} if told.password else {})
        self.fields: Mapping[str, str] = MappingProxyType(fields)
        self.notes: tuple[Problem, ...] = (_recognised(told),) if found_out else ()
        self._left: dict[Remark, LeftOut] = {}

    def close(self) -> None:
        """Close the file."""
        self._book.close()
        self._source.file.close()

    def where(self, number: int, field: str) -> str:
        """Return a place as the user sees it: "row 17, column 'secret'", or "line 40"."""
        place = f"{self.told.counted} {number}"
        if self.sheet:
            place = f"sheet {self.sheet}, {place}"
        name = self.fields.get(field)
        if name is None:
            return place
        return f"{place}, column {name!r}" if self.told.counted == "row" else f"{place}, {name}"

    def rows(self, *, spaces: bool = False) -> Iterator[Row]:  # noqa: ARG002 - no footer is guessed
        """Read the users; what is none is counted.

        Args:
            spaces: makes no difference here.

        Raises:
            SourceError: the rest of the export cannot be read.
        """
        self._left.clear()
        width = 3 + len(self.columns)
        for record in self._book.sheets[0].records():
            number, cells, doubts = record
            if len(cells) != width:
                raise self._nonsense()
            remarks, username, password, *others = cells
            if not remarks and not doubts and _are_plain(cells):
                yield Row(number, username, password, tuple(others))
            elif row := self._careful(record):
                yield row

    @property
    def left_out(self) -> Iterable[Problem]:
        """Warnings about what is no user, or a note about the source; known after `rows`."""
        for left in self._left.values():
            yield from left.problems()
        yield from self._book.notes(self._book.sheets[0], (), ())

    @property
    def skipped(self) -> Mapping[Remark, LeftOut]:
        """What was left out, by its reason; known once `rows` came to its end."""
        return self._left

    def _careful(self, record: Record) -> Row | None:
        """Make a row out of any entry; None if it is left out."""
        number, cells, doubts = record
        told, username, password, *others = cells
        try:
            remarks = [Remark(slug) for slug in told.split()]
        except ValueError:
            raise self._nonsense() from None
        if reason := self._reason_against(remarks):
            self._leave(reason, number, username)
            return None
        place = self.where(number, "")
        problems = [_problem(doubt, place) for doubt in doubts]
        problems += self._about_password(remarks, number)
        if problems and set(remarks) & (WITHOUT_PASSWORD | {Remark.GENERATE}):
            password = ""
        for name, cell in (("username", username), ("password", password)):
            if isinstance(cell, DoubtfulText):
                seen = visible(cell) if name == "username" else ""
                where = self.where(number, name)
                problems.append(_problem(cell.doubt, where, seen)._replace(field=name))
        return Row(number, str(username), str(password), tuple(map(str, others)), tuple(problems))

    def _nonsense(self) -> SourceError:
        """Say that the process that reads told what no reader tells: the file's doing."""
        return SourceError(
            f"{self.source}: what the process told that reads the file makes no sense.",
            "Export the users again, and give that file.",
        )

    def _reason_against(self, remarks: Iterable[Remark]) -> Remark | None:
        for remark in remarks:
            if remark in SKIPPED or (remark is Remark.DISABLED and not self._taking.disabled):
                return remark
        return None

    def _leave(self, reason: Remark, number: int, username: str) -> None:
        left = self._left.setdefault(reason, LeftOut())
        left.count += 1
        if len(left.first) < _PLACES:
            whose = f" ({visible(username)})" if username.strip() else ""
            left.first.append(_problem(LEFT_OUT[reason], self.where(number, "") + whose))

    def _about_password(self, remarks: Iterable[Remark], number: int) -> list[Problem]:
        where = self.where(number, "password")
        made = self._taking.generate_passwords
        return [
            _problem(
                REPLACED[remark] if made or remark is Remark.GENERATE else UNUSABLE[remark], where
            )._replace(field="password")
            for remark in remarks
            if remark in REPLACED
        ]


def _recognised(told: Told) -> Problem:
    password = f"the password is {told.password}" if told.password else "there is no password"
    return Problem(
        "export-recognised",
        "the file",
        "",
        f"it was recognised as an export of {told.title}: the login is {told.login}, {password}",
        f"If that is right, there is nothing to do; to say it yourself: --from {told.name}",
        warning=True,
    )


def _are_plain(cells: list[str]) -> bool:
    return set(map(type, cells)) == {str}


def _problem(doubt: Doubt, where: str, seen: str = "") -> Problem:
    return Problem(doubt.kind, where, seen, doubt.why, doubt.cure, doubt.warning)
