"""Where the table is, and which columns belong to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bulk_provision.errors import SourceError
from bulk_provision.intake.columns import (
    OLD_USERNAME,
    assign,
    assign_results,
    beginning_of_results,
    candidates,
    password_like,
    unguarded,
)
from bulk_provision.intake.heads import Head, choose
from bulk_provision.intake.records import Book, column_letter
from bulk_provision.model import Problem


@dataclass(frozen=True, slots=True)
class Layout:
    """A table found.

    Args:
        heads: the sheet it is on; several for a results workbook that goes on in next sheets.
        fields: field to column, counted from 0: "username" always, the others if they exist.
        others: the columns that travel along: position (from 0) to name, each name different.
        width: how many columns the table has, counted from column A.
        nameless: the columns without a header that were left out, being empty as far as was seen.
        ours: whether this is a results file of our own.
        notes: what is worth a warning about the choices made.
    """

    heads: tuple[Head, ...]
    fields: Mapping[str, int]
    others: Mapping[int, str]
    width: int
    nameless: tuple[int, ...]
    ours: bool
    notes: tuple[Problem, ...]


def locate(book: Book, name: str | None, mapping: Mapping[str, str], source: str) -> Layout:
    """Find the table in a file.

    Args:
        book: the open file.
        name: the sheet that the user named; None to choose the one whose header fits.
        mapping: the user's `--map`: field to header or column letter.
        source: the file's name, for errors.

    Raises:
        SourceError: there is no such sheet, no header or more than one that fits, a column is
            missing or ambiguous, or there are no users below the header.
    """
    heads, notes = choose(book, name, mapping, source)
    head = heads[0]
    place = head.place(source)
    fields = assign_results(head.cells) if head.ours else assign(head.cells, mapping, place)
    if not any(one.has_users for one in heads):
        raise _no_users(head, fields, place)
    width = _width(head)
    others = _others(head, fields, width)
    named = {*fields.values(), *others, *range(len(beginning_of_results(head.cells)))}
    named |= {*head.annotated}
    return Layout(
        heads=tuple(heads),
        fields=fields,
        others=others,
        width=width,
        nameless=tuple(column for column in range(width) if column not in named),
        ours=head.ours,
        notes=(*notes, *_doubts_about_columns(head, fields, mapping)),
    )


def _width(head: Head) -> int:
    """Count the table's columns from A; in a workbook, cells can stand beside the header's end."""
    if head.sheet.ragged:
        return len(head.cells)
    return max([len(head.cells), *(len(cells) for _, cells, _ in head.sample)])


def _others(head: Head, fields: Mapping[str, int], width: int) -> dict[int, str]:
    """Name the columns that travel along; a nameless one only if there is something in it."""
    used = {
        index for _, cells, _ in head.sample for index, cell in enumerate(cells) if cell.strip()
    }
    credentials = (fields["username"], fields.get("password"))
    others: dict[int, str] = {}
    taken: Counter[str] = Counter()
    beginning = beginning_of_results(head.cells)
    old = [beginning.index(OLD_USERNAME)] if OLD_USERNAME in beginning else []
    for index in (*old, *range(len(beginning), width)):
        name = head.cells[index] if index < len(head.cells) else ""
        if head.ours and head.sheet.ragged:
            name = unguarded(name)
        if index not in credentials and index not in head.annotated and (name or index in used):
            name = name or f"column {column_letter(index)}"
            others[index] = _distinct(name, taken)
    return others


def _distinct(name: str, taken: Counter[str]) -> str:
    """Return a name that no column has yet.

    Args:
        name: the column's header.
        taken: the names given already, each with the number that was tried last for it: thousands
            of columns may have one header.
    """
    candidate, number = name, max(1, taken[name])
    while candidate in taken:
        number += 1
        candidate = f"{name} ({number})"
    taken[name] = number
    taken[candidate] = max(1, taken[candidate])
    return candidate


def _doubts_about_columns(
    head: Head, fields: Mapping[str, int], mapping: Mapping[str, str]
) -> list[Problem]:
    """Tell of choices that could be other than the user thinks."""
    notes = []
    if head.annotated:
        notes.append(_annotation_ignored(head))
    if head.ours and mapping:
        notes.append(_map_ignored(head))
    elif not head.ours and fields["username"] not in candidates(head.cells, "username"):
        notes.append(_header_assumed(head, fields["username"]))
    elif "password" not in fields:
        notes += [
            _like_password(index, header)
            for index, header in enumerate(head.cells)
            if password_like(header)
        ]
    return notes


def _annotation_ignored(head: Head) -> Problem:
    first, last = column_letter(head.annotated.start), column_letter(head.annotated.stop - 1)
    return Problem(
        "annotation-ignored",
        f"columns {first} to {last}",
        "",
        "an earlier run has added these columns; they were left aside, the source's own ones count",
        "There is nothing to do; make corrections in the source's own columns.",
        warning=True,
    )


def _map_ignored(head: Head) -> Problem:
    return Problem(
        "map-ignored",
        f"row {head.row}",
        "",
        "this is a results file: its columns username and password decide, --map was left aside",
        "There is nothing to do; leave --map out for results files.",
        warning=True,
    )


def _header_assumed(head: Head, column: int) -> Problem:
    return Problem(
        "header-assumed",
        f"row {head.row}",
        head.cells[column],
        f"row {head.row} was taken for the header, and what is below it for users",
        "If it is a user itself, put a header line above it.",
        warning=True,
    )


def _like_password(index: int, header: str) -> Problem:
    return Problem(
        "column-like-password",
        f"column {column_letter(index)}",
        header,
        "it was not taken for the passwords, so a password is generated for every user",
        f"If it holds the SIP passwords, say so: --map password={column_letter(index)}",
        warning=True,
    )


def _no_users(head: Head, fields: Mapping[str, int], place: str) -> SourceError:
    column = column_letter(fields["username"])
    return SourceError(
        f"{place}: no users in it: there is nothing below the header in row {head.row}.",
        f'Write one user a line below "{head.cells[fields["username"]]}" (column {column}).',
    )
