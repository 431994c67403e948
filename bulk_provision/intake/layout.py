"""Where the table is: which sheet, which row is its header, which columns belong to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from bulk_provision.errors import SourceError
from bulk_provision.intake.columns import (
    RESULT_COLUMNS,
    assign,
    assign_results,
    candidates,
    fit,
    is_results,
    likeness,
    listed,
    password_like,
    unguarded,
)
from bulk_provision.intake.records import Book, Record, Sheet, column_letter
from bulk_provision.model import Problem

_HEADER_WITHIN = 30  # records from the top: titles and notes above a header are shorter than that
_SAMPLE = 200  # records below the header that decide whether a nameless column is in use


@dataclass(frozen=True, slots=True)
class Head:
    """The top of a sheet: its likeliest header row, and some records below it.

    Args:
        sheet: the sheet.
        row: the header's row number; 0 for a sheet without any cell.
        cells: the header's cells from column A on, trimmed.
        sample: records below it.
        fit: how well the header fits; 0 when it has no column for usernames.
    """

    sheet: Sheet
    row: int
    cells: tuple[str, ...]
    sample: tuple[Record, ...]
    fit: int

    @property
    def has_users(self) -> bool:
        """Whether there is anything below the header."""
        return any(doubts or not is_blank(cells) for _, cells, doubts in self.sample)


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


def is_blank(cells: Sequence[str]) -> bool:
    """Say whether there is nothing to see in any of the cells."""
    return not any(cells) or not any(cell.strip() for cell in cells)


def best_header(records: Sequence[Record], mapping: Mapping[str, str]) -> tuple[int, int]:
    """Return the position of the record that serves best as a header, and how well (0: not)."""
    fits = [fit(cells, mapping) for _, cells, _ in records[:_HEADER_WITHIN]]
    if best := max(fits, default=0):
        return fits.index(best), best
    likely = [likeness(cells) for _, cells, _ in records[:_HEADER_WITHIN]]
    return likely.index(max(likely, default=0)) if likely else 0, 0


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
    heads = [_head(sheet, mapping) for sheet in _considered(book, name, source)]
    fitting = [head for head in heads if head.fit]
    if not fitting:
        raise _no_header(heads, mapping, source)
    results = [head for head in fitting if is_results(head.cells)]
    ours = bool(results)  # their Summary may look like a table of its own
    if name is None:
        chosen, notes = _failed(results, source) if ours else _only(fitting, heads, source)
    else:
        chosen, notes = fitting, []
    head = chosen[0]
    place = _place(head, source)
    fields = assign_results(head.cells) if ours else assign(head.cells, mapping, place)
    if not any(one.has_users for one in chosen):
        raise _no_users(head, fields, place)
    width = _width(head)
    others = _others(head, fields, width, ours=ours)
    named = {*fields.values(), *others, *range(len(RESULT_COLUMNS) if ours else 0)}
    return Layout(
        heads=tuple(chosen),
        fields=fields,
        others=others,
        width=width,
        nameless=tuple(column for column in range(width) if column not in named),
        ours=ours,
        notes=(*notes, *_doubts_about_columns(head, fields, mapping, ours=ours)),
    )


def _considered(book: Book, name: str | None, source: str) -> list[Sheet]:
    if name is None:
        return list(book.sheets)
    exact = [sheet for sheet in book.sheets if sheet.name == name]
    close = [sheet for sheet in book.sheets if sheet.name.casefold() == name.strip().casefold()]
    if found := exact or close:
        return found[:1]
    if [sheet.name for sheet in book.sheets] == [""]:
        raise SourceError(
            f"{source}: a text file has no sheet {name!r}.", "Leave --sheet out for this file."
        )
    names = ", ".join(f'"{sheet.name}"' for sheet in book.sheets)
    raise SourceError(f"{source}: there is no sheet {name!r}.", f"It has: {names}.")


def _head(sheet: Sheet, mapping: Mapping[str, str]) -> Head:
    records = (record for record in sheet.records() if record[2] or not is_blank(record[1]))
    top = list(islice(records, _HEADER_WITHIN))
    if not top:
        return Head(sheet, 0, (), (), 0)
    position, fits = best_header(top, mapping)
    sample = top[position + 1 :] + (list(islice(records, _SAMPLE)) if fits else [])
    row, cells, _ = top[position]
    return Head(sheet, row, tuple(cell.strip() for cell in cells), tuple(sample), fits)


def _only(fitting: list[Head], heads: list[Head], source: str) -> tuple[list[Head], list[Problem]]:
    """Choose the one sheet that can be meant; a hidden one only if no other fits."""
    visible = [head for head in fitting if not head.sheet.hidden] or fitting
    chosen = visible[0]
    if len(visible) > 1:
        names = ", ".join(f'"{head.sheet.name}"' for head in visible)
        raise SourceError(
            f"{source}: more than one sheet has a column for usernames: {names}.",
            f'Say which one to read: --sheet "{chosen.sheet.name}".',
        )
    if len(heads) == 1 and not chosen.sheet.hidden:
        return [chosen], []
    others = ", ".join(f'"{head.sheet.name}"' for head in heads if head is not chosen)
    why = f'{"the hidden sheet" if chosen.sheet.hidden else "the sheet"} "{chosen.sheet.name}" '
    why += "was read, the one with a column for usernames"
    return [chosen], [
        _note("sheet-chosen", chosen, f"{why}; not read: {others}" if others else why)
    ]


def _failed(results: list[Head], source: str) -> tuple[list[Head], list[Problem]]:
    """Choose, of a results file, what is to be done again: the rows that did not go well."""
    if not results[0].sheet.name:  # a text file has no sheets to choose from
        return results, []
    failed = [head for head in results if head.sheet.name.split()[0] == "Failed"]
    if not any(head.has_users for head in failed):
        raise SourceError(
            f"{source}: this is a results workbook in which nothing failed.",
            "There is nothing to run again. To read another sheet of it, name it: --sheet NAME.",
        )
    names = " and ".join(f'"{head.sheet.name}"' for head in failed)
    why = f"this is a results workbook: {names} was read, the rows that did not go well"
    return failed, [_note("sheet-of-results", failed[0], why)]


def _note(kind: str, head: Head, why: str) -> Problem:
    return Problem(kind, head.sheet.name, "", why, "Give --sheet NAME to read another one.", True)


def _width(head: Head) -> int:
    """Count the table's columns from A; in a workbook, cells can stand beside the header's end."""
    if head.sheet.ragged:
        return len(head.cells)
    return max([len(head.cells), *(len(cells) for _, cells, _ in head.sample)])


def _others(head: Head, fields: Mapping[str, int], width: int, *, ours: bool) -> dict[int, str]:
    """Name the columns that travel along; a nameless one only if there is something in it."""
    used = {
        index for _, cells, _ in head.sample for index, cell in enumerate(cells) if cell.strip()
    }
    credentials = (fields["username"], fields.get("password"))
    others: dict[int, str] = {}
    for index in range(len(RESULT_COLUMNS) if ours else 0, width):
        name = head.cells[index] if index < len(head.cells) else ""
        if ours and head.sheet.ragged:
            name = unguarded(name)
        if index not in credentials and (name or index in used):
            name = name or f"column {column_letter(index)}"
            others[index] = _distinct(name, others.values())
    return others


def _distinct(name: str, taken: Collection[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name} ({number})"
    return candidate


def _doubts_about_columns(
    head: Head, fields: Mapping[str, int], mapping: Mapping[str, str], *, ours: bool
) -> list[Problem]:
    """Tell of choices that could be other than the user thinks."""
    notes = []
    if ours and mapping:
        notes.append(_map_ignored(head))
    elif not ours and fields["username"] not in candidates(head.cells, "username"):
        notes.append(_header_assumed(head, fields["username"]))
    elif "password" not in fields:
        notes += [
            _like_password(index, header)
            for index, header in enumerate(head.cells)
            if password_like(header)
        ]
    return notes


def _map_ignored(head: Head) -> Problem:
    return Problem(
        "map-ignored",
        f"row {head.row}",
        "",
        "this is a results file: its columns username and password decide, --map was left aside",
        "Nothing; leave --map out for results files.",
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


def _place(head: Head, source: str) -> str:
    return f'{source}, sheet "{head.sheet.name}"' if head.sheet.name else source


def _no_header(heads: Sequence[Head], mapping: Mapping[str, str], source: str) -> SourceError:
    filled = [head for head in heads if head.cells]
    if not filled:
        return SourceError(
            f"{source}: there is nothing in it.",
            'Fill in a table with a column "username"; `bulk-provision template FILE.xlsx` makes '
            "one to start from.",
        )
    what = f"no column for usernames was found in the first {_HEADER_WITHIN} rows"
    if "username" in mapping:
        what = f"--map username={mapping['username']} names a column that is not there"
    # A row without any known name may be a user's, and its cells a password: don't repeat it.
    seen = [
        f"{_place(head, source)}, row {head.row}: {listed(head.cells)}"
        for head in filled[:5]
        if likeness(head.cells)
    ]
    return SourceError(
        f"{source}: {what}." + (f" Seen instead: {'; '.join(seen)}." if seen else ""),
        'Put a header line above the users, with a column "username"; or say which column it is: '
        "--map username=COLUMN, with its header or its letter, such as B.",
    )


def _no_users(head: Head, fields: Mapping[str, int], place: str) -> SourceError:
    column = column_letter(fields["username"])
    return SourceError(
        f"{place}: no users in it: there is nothing below the header in row {head.row}.",
        f'Write one user a line below "{head.cells[fields["username"]]}" (column {column}).',
    )
