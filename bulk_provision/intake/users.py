"""The users in a source, whatever kind of file it is: what the rooms above the intake work with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from bulk_provision.model import Problem, Row

if TYPE_CHECKING:
    from bulk_provision.intake.table import Table


class Closable(ABC):
    """What is closed at the end of a `with`."""

    @abstractmethod
    def close(self) -> None:
        """Close it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Users(Protocol):
    """The users in an open source, row by row."""

    @property
    def source(self) -> str:
        """The file's path as it was given; "-" for standard input."""

    @property
    def sheet(self) -> str:
        """The worksheet read; "" for what has none."""

    @property
    def sha256(self) -> str:
        """Of the source's bytes, in hex."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The headers of the further columns (username and password not among them), in order."""

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields found: "username" and perhaps "password", "name", "email" → header."""

    @property
    def spreadsheet(self) -> Table | None:
        """The spreadsheet itself, whose cells can be marked; None for what is none."""

    @property
    def is_export(self) -> bool:
        """Whether this is another system's export: its usernames are what that system knows."""

    @property
    def is_renamed(self) -> bool:
        """Whether rules make the usernames out of what stands in the source."""

    @property
    def selection(self) -> str:
        """The expression that selects the rows; "" when all of them are read."""

    @property
    def notes(self) -> tuple[Problem, ...]:
        """Warnings about the source as a whole."""

    @property
    def left_out(self) -> Iterable[Problem]:
        """Warnings about what is no user; known once `rows` came to its end."""

    def rows(self, *, spaces: bool = False) -> Iterator[Row]:
        """Read the rows; each call starts anew.

        Args:
            spaces: whether usernames may have spaces.

        Raises:
            SourceError: the rest of the file cannot be read.
        """

    def where(self, number: int, field: str) -> str:
        """Return a cell's place as the user sees it.

        Args:
            number: of the row, as in `Row.number`.
            field: "username" or "password"; for any other ("" too) the place is the whole row.
        """

    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        """Give itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
