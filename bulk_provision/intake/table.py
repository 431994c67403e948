"""The table of users in a source: open it, know its columns, read its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import BinaryIO

from bulk_provision.characters import visible
from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import (
    ROW_IS_HEADER,
    ROW_OUTSIDE,
    ROW_SHORT,
    ROW_TOO_LONG,
    Doubt,
    DoubtfulText,
)
from bulk_provision.intake.columns import unguarded
from bulk_provision.intake.footer import FooterRule
from bulk_provision.intake.heads import Head, is_blank, is_nothing
from bulk_provision.intake.layout import Layout
from bulk_provision.intake.readers.books import Wishes, decrypted
from bulk_provision.intake.readers.kinds import Kind, is_encrypted, kind_of
from bulk_provision.intake.readers.text import unwrapped
from bulk_provision.intake.records import SHEET_ROWS, Book, Record, column_letter
from bulk_provision.intake.source import Source, digest_of
from bulk_provision.intake.users import Closable
from bulk_provision.model import Problem, Row, Secret


class Table(Closable):
    """The users in a source, row by row; made by `open_users`.

    Args:
        source: the open file.
        book: its sheets.
        layout: where the table is.
        wishes: how it is read.

    Attributes:
        source: the file's path as it was given; "-" for standard input.
        sheet: the worksheet read; "" for text files.
        sha256: of the file's bytes, in hex.
        columns: the headers of the source's further columns (name and email among them, username
            and password not), in order, each one different.
        fields: the fields found: "username" and perhaps "password", "name", "email" → header.
        notes: warnings about the source as a whole.
        left_out: warnings about what stands below the table; known once `rows` came to its end.
        is_results: whether it is a results file of our own.
        is_export: False, as for every spreadsheet,
        is_renamed: and this, too: the usernames are those that stand there,
        selection: of all rows.
    """

    is_export = False
    is_renamed = False
    selection = ""

    def __init__(self, source: Source, book: Book, layout: Layout, wishes: Wishes) -> None:
        self._source = source
        self._wishes = wishes
        self._book = book
        self._layout = layout
        self.is_results = layout.ours
        head = layout.heads[0]
        self.source = source.name
        self.sheet = head.sheet.name
        self.sha256 = source.sha256
        self.columns = tuple(layout.others.values())
        self.fields: Mapping[str, str] = {
            field: layout.others.get(column, head.cells[column])
            for field, column in layout.fields.items()
        }
        self._credentials = [layout.fields["username"]]
        if "password" in layout.fields:
            self._credentials.append(layout.fields["password"])
        self._named = len(layout.others) + len(self._credentials)
        self.left_out: tuple[Problem, ...] = ()
        notes = book.notes(head.sheet, self._credentials, tuple(layout.others))
        self.notes: tuple[Problem, ...] = (*layout.notes, *notes)

    @property
    def spreadsheet(self) -> Table:
        """Itself: its cells can be marked."""
        return self

    def close(self) -> None:
        """Close the file."""
        self._book.close()
        self._source.file.close()

    def rows(self, *, spaces: bool = False) -> Iterator[Row]:
        """Read the rows, from the first one below the header on; each call starts anew.

        Rows without anything to see in them are left out, and not counted. A row's texts can be
        stored everywhere: there is no NUL and no lone surrogate in them.

        Args:
            spaces: whether usernames may have spaces; else a line below the table that has nothing
                else is taken for a note.

        Raises:
            SourceError: the rest of the file cannot be read.
        """
        rule = FooterRule(self._layout.fields, self._named, spaces)
        for part, head in enumerate(self._layout.heads):
            yield from self._rows(head, part * SHEET_ROWS, rule)

    def spot(self, number: int, field: str) -> tuple[str, int, int | None]:
        """Return a cell's sheet ("" for text files), its row there, and its column from 0.

        Args:
            number: of the row, as in `Row.number`.
            field: one of `fields`; for any other ("" too) there is no column.
        """
        part, row = divmod(number - 1, SHEET_ROWS)
        head = self._layout.heads[part]
        return head.sheet.name, row + 1, self._layout.fields.get(field)

    def where(self, number: int, field: str) -> str:
        """Return a cell's place as the user sees it: "Users!B17", or "row 17, column 'SIP user'".

        Args:
            number: of the row, as in `Row.number`.
            field: one of `fields`; for any other ("" too) the place is the row as a whole.
        """
        sheet, row, column = self.spot(number, field)
        if sheet:
            name = _quoted(sheet)
            return f"{name}!{column_letter(column)}{row}" if column is not None else f"{name}!{row}"
        return f"row {row}, column '{self.fields[field]}'" if column is not None else f"row {row}"

    @property
    def header_row(self) -> int:
        """The number of the header's row in its sheet."""
        return self._layout.heads[0].row

    @contextmanager
    def workbook(self) -> Iterator[BinaryIO | None]:
        """Give the source's bytes if it is an Excel workbook (.xlsx, .xlsm), without protection.

        Raises:
            SourceError: the file is not any more what it was when it was opened.
        """
        if digest_of(self._source) != self.sha256:
            raise SourceError(
                f"{self._source.shown}: the file was changed since it was read.",
                "Leave it as it is while it is worked on.",
            )
        plain = decrypted(self._source, self._wishes.password)
        yield plain.file if kind_of(plain) is Kind.XLSX else None

    @property
    def protection(self) -> Secret | None:
        """The password that the source itself is protected with."""
        return self._wishes.password if is_encrypted(self._source.file) else None

    def texts(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the sheet as it is seen, titles and notes too: row numbers and texts.

        It makes a source again that can be corrected. So what is refused here is refused there: a
        text alone does not tell that it was a date, or a guess.

        Raises:
            SourceError: the rest of the file cannot be read.
        """
        head = self._layout.heads[0]
        for number, cells, doubts in head.sheet.records():
            shown = list(cells)
            if head.sheet.ragged:
                off = unguarded if self._layout.ours else unwrapped
                shown = [off(cell) for cell in cells]
            if number > head.row:
                doubts = (*doubts, *self._doubts_about_row(head, cells, doubts))  # noqa: PLW2901
                self._keep_refused(shown, doubts)
            yield number, [str(cell) for cell in shown]

    def _keep_refused(self, cells: list[str], doubts: Sequence[Doubt]) -> None:
        """Put texts in place of unclear credentials that no check lets pass."""
        username, *password = self._credentials
        if any(not doubt.warning for doubt in doubts) or _is_refused(cells, username):
            cells.extend([""] * (username + 1 - len(cells)))
            cells[username] = f"(unclear: {cells[username]})"
        for column in password:
            if _is_refused(cells, column):
                cells[column] = "\N{BULLET}" * 8  # what programs show instead of a password

    def _rows(self, head: Head, offset: int, rule: FooterRule) -> Iterator[Row]:
        """Yield a sheet's rows; what is out of the ordinary in any way goes by `_careful`."""
        layout = self._layout
        width = layout.width
        at_username = layout.fields["username"]
        at_password = layout.fields.get("password", -1)
        header = head.cells[at_username]
        others = _picker(tuple(layout.others), exact=head.sheet.ragged)
        blanks = [""] * width
        ragged = head.sheet.ragged
        ordinary = not (ragged and layout.ours) and not layout.nameless
        records = head.sheet.records()
        for number, _, _ in records:
            if number >= head.row:
                break
        footer: list[Record] = []
        for number, cells, doubts in rule.split(records, footer):
            if not ragged and len(cells) < width:
                cells.extend(blanks[len(cells) :])
            if len(cells) == width and ordinary and not doubts:
                username = cells[at_username]
                password = cells[at_password] if at_password >= 0 else ""
                if (
                    username
                    and type(username) is str is type(password)
                    and username != header
                    and username[0] != "="
                    and not username[0].isspace()
                    and password[:1] != "="
                ):
                    yield Row(number + offset, username, password, others(cells))
                    continue
            if row := self._careful(head, (number, cells, doubts), offset):
                yield row
        self.left_out = tuple(self._left_out(record, offset) for record in footer)

    def _left_out(self, record: Record, offset: int) -> Problem:
        number, cells, _ = record
        seen = next((cell for cell in cells if cell.strip()), "")
        return Problem(
            "line-below-table",
            self.where(number + offset, ""),
            visible(seen.strip()),
            "the line below the table was taken for a total or a note, and left out",
            "If it is a user, fill in its cells, and leave no blank line above it.",
            warning=True,
        )

    def _careful(self, head: Head, record: Record, offset: int) -> Row | None:
        """Make a row out of any record; None if there is nothing to see in it."""
        if is_nothing(record):
            return None
        number, cells, doubts = record
        layout = self._layout
        if head.sheet.ragged and layout.ours:
            cells = [unguarded(cell) for cell in cells]
        doubts = (*doubts, *self._doubts_about_row(head, cells, doubts))
        cells = [*cells, *[""] * (layout.width - len(cells))]
        number += offset
        problems = [_problem(doubt, self.where(number, ""), "") for doubt in doubts]
        credentials = {"username": "", "password": ""}
        for field in credentials:
            column = layout.fields.get(field)
            if column is None:
                continue
            cell = unwrapped(cells[column]) if head.sheet.ragged else cells[column]
            credentials[field] = str(cell)
            if isinstance(cell, DoubtfulText):
                seen = visible(cell) if field == "username" else ""
                problem = _problem(cell.doubt, self.where(number, field), seen)
                problems.append(problem._replace(field=field))
        others = tuple(str(cells[column]) for column in layout.others)
        return Row(
            number, credentials["username"], credentials["password"], others, tuple(problems)
        )

    def _doubts_about_row(
        self, head: Head, cells: Sequence[str], doubts: Sequence[Doubt]
    ) -> Iterator[Doubt]:
        layout = self._layout
        beyond = not is_blank(cells[layout.width :])
        if head.sheet.ragged and beyond:
            yield ROW_TOO_LONG
        elif beyond or any(cells[at].strip() for at in layout.nameless if at < len(cells)):
            yield ROW_OUTSIDE
        if head.sheet.ragged and len(cells) < layout.width and not doubts:
            yield ROW_SHORT
        if tuple(cell.strip() for cell in cells[: len(head.cells)]) == head.cells:
            yield ROW_IS_HEADER


def _picker(columns: tuple[int, ...], *, exact: bool) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Return the quickest way to take some cells out of many.

    Args:
        columns: the cells' positions.
        exact: whether every cell is a plain `str`, and no `DoubtfulText`.
    """
    if not columns:
        return lambda _: ()
    if len(columns) == 1:
        only = columns[0]
        return lambda cells: (str(cells[only]),)
    pick: Callable[[Sequence[str]], tuple[str, ...]] = itemgetter(*columns)
    return pick if exact else lambda cells: tuple(map(str, pick(cells)))


def _problem(doubt: Doubt, where: str, seen: str) -> Problem:
    return Problem(doubt.kind, where, seen, doubt.why, doubt.cure, doubt.warning)


def _is_refused(cells: Sequence[str], column: int) -> bool:
    cell = cells[column] if column < len(cells) else ""
    return isinstance(cell, DoubtfulText) and not cell.doubt.warning


def _quoted(sheet: str) -> str:
    """Return a sheet's name as spreadsheet programs write it in an address."""
    return sheet if sheet.isidentifier() else "'" + sheet.replace("'", "''") + "'"
