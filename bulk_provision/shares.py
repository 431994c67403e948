"""A source for several accounts: a column says whose each row is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulk_provision.characters import visible
from bulk_provision.errors import SourceError
from bulk_provision.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from bulk_provision.intake import Users
    from bulk_provision.model import Row


@dataclass(frozen=True, slots=True)
class Route:
    """Which rows of a source are for which account; the source may be opened once for each.

    Args:
        header: of the column that names each row's account.
        name: the account's, as the rows write it.
        default: the account of rows that name none; "" when there is no such.
        known: every account's name.
        takes_the_rest: rows that name no known account are told in this one's results, as invalid.
        sha256: of the source when its names were read: another content may name others.
    """

    header: str
    name: str
    default: str
    known: frozenset[str]
    takes_the_rest: bool
    sha256: str

    def share_of(self, table: Users) -> Share:
        """Return the account's share of an open source.

        Raises:
            SourceError: it is not any more what it was.
        """
        if table.sha256 != self.sha256:
            raise SourceError(
                f"{table.source}: the file was changed since it was read.",
                "Leave it as it is while it is worked on.",
            )
        column = column_of(table, self.header)
        return Share(column, self.name, self.default, self.known, self.takes_the_rest)


@dataclass(frozen=True, slots=True)
class Share:
    """The rows of a source that are one account's.

    Args:
        column: of the account's name, in `Row.others`.
        name: the account's, as the rows write it.
        default: the account of rows that name none; "" when there is no such.
        known: every account's name.
        takes_the_rest: rows that name no known account are told in this one's results, as invalid.
    """

    column: int
    name: str
    default: str
    known: Container[str]
    takes_the_rest: bool

    def of(self, rows: Iterable[Row], where: Callable[[int, str], str]) -> Iterator[Row]:
        """Yield those of the rows that are this account's."""
        for row in rows:
            name = row.others[self.column].strip() or self.default
            if name == self.name:
                yield row
            elif self.takes_the_rest and name not in self.known:
                yield row._replace(problems=(*row.problems, _unknown(where(row.number, ""), name)))


def names_in(table: Users, header: str, default: str, *, spaces: bool) -> Counter[str]:
    """Read a source once, and count its rows by the account that they name ("" when none).

    Args:
        table: the source.
        header: of the column with the names.
        default: the account of rows that name none.
        spaces: whether usernames may have spaces, as in `Users.rows`.
    """
    column = column_of(table, header)
    return Counter(row.others[column].strip() or default for row in table.rows(spaces=spaces))


def column_of(table: Users, header: str) -> int:
    """Return where in `Row.others` a column is, by its header.

    Raises:
        SourceError: the source has no such column.
    """
    wanted = header.strip().casefold()
    for index, one in enumerate(table.columns):
        if one.strip().casefold() == wanted:
            return index
    raise SourceError(
        f"{table.source}: no column {header!r} names the rows' accounts. Further columns are: "
        f"{', '.join(table.columns) or 'none'}.",
        "Give the column's header as account_column.",
    )


def _unknown(where: str, name: str) -> Problem:
    return Problem(
        "account-unknown" if name else "account-missing",
        where,
        visible(name),
        "no account of this name is described" if name else "no account is named",
        "Correct it in the source, or describe the account in the job or the accounts file.",
    )
