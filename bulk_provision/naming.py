"""What users are called at the vendor: made from what they are called in the source.

A file of names goes first, and its names are final. Else the template makes the name (without one
it is the old one), the prefix goes in front, and it is put into lower case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from bulk_provision.characters import visible
from bulk_provision.errors import SourceError, UsageError
from bulk_provision.intake import open_table
from bulk_provision.model import Problem
from bulk_provision.row_names import USERNAME, CellOf, cell_named

if TYPE_CHECKING:
    from bulk_provision.intake import Users
    from bulk_provision.model import Row

_FLAG = "--username-template"
_NAMES = "--names"
_OLD, _NEW = "old", "new"  # the columns of a file of names
_TEMPLATE_LIMIT = 500  # characters
_SHOWN = 3  # places, or names, that a message tells
_HOW = (
    "Write texts and columns, such as '{username}-{domain}'; a brace that is meant as such is "
    "written twice: {{ }}."
)

Part: TypeAlias = tuple[str, str | None]
"""A text, and the name of the cell that follows it, if one does."""


def parts_of(template: str) -> tuple[Part, ...]:
    """Read a template: texts, and names in braces; nothing else is in its grammar.

    Raises:
        UsageError: it cannot be read, has more in a brace than a name, or no name at all.
    """
    if len(template) > _TEMPLATE_LIMIT:
        raise UsageError(f"{_FLAG} has more than {_TEMPLATE_LIMIT} characters.", _HOW)
    try:
        read = list(Formatter().parse(template))
    except ValueError as problem:
        raise UsageError(f"{_FLAG} {template!r} cannot be read: {problem}.", _HOW) from problem
    parts: list[Part] = []
    for text, name, form, conversion in read:
        if form or conversion or (name is not None and not name.strip()):
            raise UsageError(
                f"{_FLAG} {template!r}: between two braces stands the name of a column, and "
                "nothing else.",
                _HOW,
            )
        parts.append((text, name))
    if all(name is None for _, name in parts):
        raise UsageError(
            f"{_FLAG} {template!r} names no column: everybody would have the same username.", _HOW
        )
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class Naming:
    """The rules that make usernames.

    Args:
        template: such as "{username}-{domain}"; None: the old username.
        prefix: what goes in front.
        lower: whether the name is put into lower case.
        names: a table with the columns `old` and `new`, any kind of file that can be a source.

    Raises:
        UsageError: the template makes no sense, or the names are to come on standard input.
    """

    template: str | None = None
    prefix: str = ""
    lower: bool = False
    names: str | None = None
    _parts: tuple[Part, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.names == "-":
            raise UsageError(f"{_NAMES} reads no standard input.", "Put the names into a file.")
        parts = (("", USERNAME),) if self.template is None else parts_of(self.template)
        object.__setattr__(self, "_parts", parts)

    def __bool__(self) -> bool:
        """Say whether there is any rule."""
        return self.template is not None or bool(self.prefix or self.lower or self.names)

    def over(self, users: Users) -> Renaming:
        """Return what names the users of this source.

        Raises:
            UsageError: the template names a column that the source has not.
            SourceError: the file of names cannot be used.
        """
        parts = [
            (text, name, None if name is None else cell_named(users, name, _FLAG))
            for text, name in self._parts
        ]
        given = {} if self.names is None else names_in(self.names)
        return Renaming(self, parts, given, users.where)


class Named(NamedTuple):
    """What a row's user is called.

    Args:
        username: the new name; "" when none can be made.
        problem: why none can be made; None where that needs no saying.
    """

    username: str
    problem: Problem | None = None


class Renaming:
    """Names the users of one source, and notices which names of the file were used.

    Args:
        naming: the rules.
        parts: of the template: text, name, and what takes the cell of that name out of a row.
        given: old name → new name.
        where: gives the place of a cell.
    """

    def __init__(
        self,
        naming: Naming,
        parts: list[tuple[str, str | None, CellOf | None]],
        given: Mapping[str, str],
        where: Callable[[int, str], str],
    ) -> None:
        self._naming = naming
        self._parts = parts
        self._given = given
        self._where = where
        self._met: set[str] = set()

    def meet(self, row: Row) -> str | None:
        """Return the final name that the file has for a row's user; None: it has none."""
        if not self._given:
            return None
        old = row.username.strip()
        new = self._given.get(old)
        if new is not None:
            self._met.add(old)
        return new

    def name(self, row: Row) -> Named:
        """Make a row's username."""
        given = self.meet(row)
        if given is not None:
            return Named(given)
        made = ""
        for text, name, cell in self._parts:
            made += text
            if cell is not None and name is not None:
                seen = cell(row).strip()
                if not seen:
                    return self._blank(row, name)
                made += seen
        made = self._naming.prefix + made
        return Named(made.lower() if self._naming.lower else made)

    def _blank(self, row: Row, name: str) -> Named:
        if name.strip().lower() == USERNAME:
            return Named("")  # the checks say that there is no username
        problem = Problem(
            "template-blank",
            self._where(row.number, USERNAME),
            visible(row.username.strip()),
            f"its username cannot be made: {name.strip()!r} is blank, and {_FLAG} is "
            f"{self._naming.template!r}",
            f"Fill it in in the source, or name the user in the file of {_NAMES}; in a results "
            "file, fill in the username itself.",
            field=USERNAME,
        )
        return Named("", problem)

    def unmatched(self) -> Problem | None:
        """Warn of names in the file that no user of the source has; None: there are none."""
        unmet = [old for old in self._given if old not in self._met]
        if not unmet:
            return None
        shown = ", ".join(map(visible, unmet[:_SHOWN]))
        more = f", and {len(unmet) - _SHOWN:,} more" if len(unmet) > _SHOWN else ""
        return Problem(
            "names-unmatched",
            str(self._naming.names),
            shown + more,
            f"{len(unmet):,} of the {len(self._given):,} old names in it are no user's in the "
            "source",
            "Compare the column old with the source's usernames: upper and lower case count.",
            warning=True,
        )


def names_in(path: str) -> dict[str, str]:
    """Read a file of names; they are kept in memory.

    Args:
        path: a table with the columns `old` and `new`.

    Returns:
        Old name → new name.

    Raises:
        SourceError: it cannot be read, has other columns, or a row of it makes no sense.
    """
    found: dict[str, str] = {}
    wrong: list[str] = []
    with _opened(path) as table:
        old_of = _old_of(table)
        for row in table.rows(spaces=True):
            old, new = old_of(row).strip(), row.username.strip()
            place = table.where(row.number, "")
            if errors := [problem for problem in row.problems if not problem.warning]:
                wrong.append(f"{errors[0].where}: {errors[0].why}")
            elif not (old and new):
                wrong.append(f"{place}: there is no {_NEW if old else _OLD} name")
            elif found.setdefault(old, new) != new:
                wrong.append(f"{place}: {visible(old)} has another new name in an earlier row")
    if wrong:
        more = f"; and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        raise SourceError(
            f"{path} ({_NAMES}): {'; '.join(wrong[:_SHOWN])}{more}.",
            "Correct it: every row has an old name and a new one, and no old name has two.",
        )
    return found


def _opened(path: str) -> Users:
    # The new names are read as usernames are: what cannot be known for certain is a problem.
    try:
        return open_table(path, mapping={USERNAME: _NEW})
    except SourceError as problem:
        raise SourceError(
            f"The file of {_NAMES} cannot be used. {problem.what}",
            f"It is a table with the columns {_OLD} and {_NEW}, and a row for each name.",
        ) from problem


def _old_of(table: Users) -> CellOf:
    try:
        return cell_named(table, _OLD, _NAMES)
    except UsageError as problem:
        raise SourceError(
            f"{table.source} ({_NAMES}): there is no column {_OLD}. {problem.cure}",
            f"It is a table with the columns {_OLD} and {_NEW}, and a row for each name.",
        ) from problem
