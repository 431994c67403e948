"""A table's export in another shape than a table: as an SQL dump, or in a text database's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bulk_provision.intake.exports.tables import TableExport


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherShape:
    """What a reader of such a shape has in common with the reader of the table.

    Args:
        of: how the table is recognised by its columns; the reader of its CSV.
        values: the same for rows whose cells are values already.
    """

    called: ClassVar[str]
    """What the shape is called, in the title."""

    of: TableExport
    values: TableExport

    @property
    def name(self) -> str:
        """What `--from` calls it: the same as for the table's CSV."""
        return self.of.name

    @property
    def title(self) -> str:
        """The system and the kind of export, for people."""
        return f"{self.of.title} ({self.called})"

    @property
    def login(self) -> str:
        """The login's column."""
        return self.of.login

    @property
    def password(self) -> str:
        """The password's column."""
        return self.of.password

    @property
    def left(self) -> Mapping[str, str]:
        """The columns that look like logins or passwords and are none."""
        return self.of.left

    @property
    def further(self) -> tuple[str, ...]:
        """The names of the further cells."""
        return self.values.further
