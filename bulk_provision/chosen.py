"""The users of a source as a run wants them: selected, and by the names that rules make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulk_provision.errors import SourceError
from bulk_provision.intake.columns import OLD_USERNAME
from bulk_provision.intake.users import Closable
from bulk_provision.model import Problem
from bulk_provision.row_names import USERNAME, listed_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulk_provision.intake import Table, Users
    from bulk_provision.model import Row
    from bulk_provision.naming import Naming
    from bulk_provision.selection import Where


def chosen(users: Users, naming: Naming, selection: Where | None) -> Users:
    """Return a source as a run wants it; the same one where nothing is wanted of it.

    Args:
        users: the open source; it is closed when this fails.
        naming: the rules that make usernames.
        selection: which rows are the run's; None: all.

    Raises:
        UsageError: a rule or the expression names a column that the source has not.
        SourceError: the file of names cannot be used.
    """
    if not naming and selection is None and not users.is_export:
        return users
    try:
        return Chosen(users, naming, selection)
    except BaseException:
        users.close()
        raise


class Chosen(Closable):
    """Users that are selected and renamed; `Users`, too.

    The old username is the first of the further columns, wherever names are made anew, and of an
    export in any case. In a results file of our own the usernames are final: no rule is applied to
    them twice.

    Args:
        users: the source.
        naming: the rules that make usernames.
        selection: which rows are the run's; None: all.
    """

    def __init__(self, users: Users, naming: Naming, selection: Where | None) -> None:
        self._users = users
        self._where = selection
        is_final = users.spreadsheet is not None and users.spreadsheet.is_results
        self._renaming = naming.over(users) if naming and not is_final else None
        self._matches = selection.over(users) if selection is not None else None
        self._has_old = self.is_renamed or users.is_export
        self._not_selected: tuple[Problem, ...] = ()
        self.source = users.source
        self.sheet = users.sheet
        self.sha256 = users.sha256
        self.fields: Mapping[str, str] = users.fields
        self.columns = _with_old(users.columns) if self._has_old else users.columns
        self.spreadsheet: Table | None = users.spreadsheet
        self.is_export = users.is_export
        self.notes = (*users.notes, *([_names_ignored(users)] if naming and is_final else []))

    @property
    def is_renamed(self) -> bool:
        """Whether rules make the usernames."""
        return self._renaming is not None

    @property
    def selection(self) -> str:
        """The expression that selects the rows; "" for all of them."""
        return self._where.text if self._where is not None else ""

    @property
    def left_out(self) -> tuple[Problem, ...]:
        """Warnings about what is no user, and what is none of this run's."""
        unmatched = self._renaming.unmatched() if self._renaming is not None else None
        return (
            *self._users.left_out,
            *self._not_selected,
            *([unmatched] if unmatched is not None else []),
        )

    def rows(self, *, spaces: bool = False) -> Iterator[Row]:
        """Read the rows that are selected, by their new names; each call starts anew.

        Args:
            spaces: whether usernames may have spaces.

        Raises:
            SourceError: the rest of the file cannot be read, or no row of it is selected.
        """
        read = left = 0
        for row in self._users.rows(spaces=spaces):
            read += 1
            if self._matches is not None and not _is_unreadable(row) and not self._matches(row):
                left += 1
                if self._renaming is not None:
                    self._renaming.meet(row)  # a name for another wave is no mistake
            else:
                yield self._renamed(row) if self._has_old else row
        if self._where is not None and left:
            if left == read:
                raise _nothing_selected(self._users, self._where, read)
            self._not_selected = (_not_selected(self._users, self._where, left, read),)

    def _renamed(self, row: Row) -> Row:
        others = (row.username, *row.others)
        if self._renaming is None:
            return row._replace(others=others)
        if _is_unreadable(row, USERNAME):
            return row._replace(username="", others=others)  # out of such cells no name is made
        username, problem = self._renaming.name(row)
        problems = row.problems if problem is None else (*row.problems, problem)
        return row._replace(username=username, others=others, problems=problems)

    def where(self, number: int, field: str) -> str:
        """Return a cell's place as the user sees it."""
        return self._users.where(number, field)

    def close(self) -> None:
        """Close the file."""
        self._users.close()


def _is_unreadable(row: Row, field: str = "") -> bool:
    """Say whether the cells may be other ones than they seem (or this one may be)."""
    return any(not one.warning and one.field in ("", field) for one in row.problems)


def _with_old(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Put the old username's header in front; each header stays different from the others."""
    taken = {OLD_USERNAME, *columns}
    renamed = []
    for column in columns:
        name, number = column, 1
        while name == OLD_USERNAME or (name != column and name in taken):
            number += 1
            name = f"{column} ({number})"
        renamed.append(name)
    return (OLD_USERNAME, *renamed)


def _names_ignored(users: Users) -> Problem:
    return Problem(
        "names-ignored",
        _place(users),
        "",
        "this is a results file: its usernames are final, and the rules that make usernames were "
        "left aside",
        "There is nothing to do; what is corrected in it is the username as it shall be.",
        warning=True,
    )


def _not_selected(users: Users, selection: Where, left: int, read: int) -> Problem:
    return Problem(
        "rows-not-selected",
        _place(users),
        "",
        f"{left:,} of {read:,} rows do not match --where {selection.text!r}, and were left out",
        "If that is meant, there is nothing to do: another run takes them.",
        warning=True,
    )


def _place(users: Users) -> str:
    return users.sheet or ("standard input" if users.source == "-" else users.source)


def _nothing_selected(users: Users, selection: Where, read: int) -> SourceError:
    return SourceError(
        f"{users.source}: none of the rows in it ({read:,}) matches --where {selection.text!r}.",
        "Texts are compared exactly, upper and lower case too: lower(department) == 'sales' takes "
        f"all. The columns are: {listed_names(users)}.",
    )
