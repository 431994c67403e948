"""The tops of sheets: which one has the table, and which row is its header."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from bulk_provision.errors import SourceError
from bulk_provision.intake.columns import annotated, fit, is_results, likeness, listed
from bulk_provision.intake.records import Book, Record, Sheet
from bulk_provision.model import Problem

_HEADER_WITHIN = 30  # records from the top: titles and notes above a header are shorter than that
_SAMPLE = 200  # records below the header that decide whether a nameless column is in use
_SAMPLE_SIZE = 4 << 20  # characters of either: they are kept in memory
_CELL_SIZE = 8  # characters that a cell counts for besides: 30 rows are seen however wide they are


@dataclass(frozen=True, slots=True)
class Head:
    """The top of a sheet: its likeliest header row, and some records below it.

    Args:
        sheet: the sheet.
        row: the header's row number; 0 for a sheet without any cell.
        cells: the header's cells from column A on, trimmed.
        sample: records below it.
        fit: how well the header fits; 0 when it has no column for usernames.
        annotated: columns that an earlier run added, to be left aside.
    """

    sheet: Sheet
    row: int
    cells: tuple[str, ...]
    sample: tuple[Record, ...]
    fit: int
    annotated: range = range(0)

    @property
    def ours(self) -> bool:
        """Whether this is the top of a results file of our own."""
        return is_results(self.cells)

    def place(self, source: str) -> str:
        """Name the sheet for an error."""
        return f'{source}, sheet "{self.sheet.name}"' if self.sheet.name else source

    @property
    def has_users(self) -> bool:
        """Whether there is anything below the header."""
        return not all(is_nothing(record) for record in self.sample)


def is_blank(cells: Sequence[str]) -> bool:
    """Say whether there is nothing to see in any of the cells."""
    return not any(cells) or not any(cell.strip() for cell in cells)


def is_nothing(record: Record) -> bool:
    """Say whether a record is no row: nothing to see in it, and nothing wrong with it."""
    _, cells, doubts = record
    return is_blank(cells) and all(doubt.warning for doubt in doubts)


def best_header(records: Sequence[Record], mapping: Mapping[str, str]) -> tuple[int, int]:
    """Return the position of the record that serves best as a header, and how well (0: not)."""
    fits = [fit(cells, mapping) for _, cells, _ in records[:_HEADER_WITHIN]]
    if best := max(fits, default=0):
        return fits.index(best), best
    likely = [likeness(cells) for _, cells, _ in records[:_HEADER_WITHIN]]
    return likely.index(max(likely, default=0)) if likely else 0, 0


def choose(
    book: Book, name: str | None, mapping: Mapping[str, str], source: str
) -> tuple[list[Head], list[Problem]]:
    """Choose the sheet to read.

    Args:
        book: the open file.
        name: the sheet that the user named; None to choose the one whose header fits.
        mapping: the user's `--map`: field to header or column letter.
        source: the file's name, for errors.

    Returns:
        The sheet's top (several for a results workbook that goes on in next sheets), and what is
        worth a warning about the choice.

    Raises:
        SourceError: there is no such sheet, or none or more than one whose header fits.
    """
    heads = [_head(sheet, mapping) for sheet in _considered(book, name, source)]
    fitting = [head for head in heads if head.fit]
    if not fitting:
        raise _no_header(heads, mapping, source)
    if name is not None:
        return fitting, []
    results = [head for head in fitting if head.ours]
    # Results first: their Summary may look like a table of its own.
    return _failed(results, source) if results else _only(fitting, heads, source)


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
    records = (record for record in sheet.records() if not is_nothing(record))
    top = list(_some(records, _HEADER_WITHIN))
    if not top:
        return Head(sheet, 0, (), (), 0)
    position, fits = best_header(top, mapping)
    sample = top[position + 1 :] + (list(_some(records, _SAMPLE)) if fits else [])
    row, cells, _ = top[position]
    header = [cell.strip() for cell in cells]
    added = annotated(header)
    header[added.start :] = [""] * len(added)
    return Head(sheet, row, tuple(header), tuple(sample), fits, added)


def _some(records: Iterator[Record], count: int) -> Iterator[Record]:
    """Yield the next records, fewer of those that are long."""
    size = 0
    for record in islice(records, count):
        yield record
        size += sum(map(len, record[1])) + _CELL_SIZE * len(record[1])
        if size > _SAMPLE_SIZE:
            return


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
    filled = [head for head in heads if head.cells]
    if chosen is filled[0] and not chosen.sheet.hidden:
        return [chosen], []  # the one that everybody would take
    others = ", ".join(f'"{head.sheet.name}"' for head in filled if head is not chosen)
    why = f'{"the hidden sheet" if chosen.sheet.hidden else "the sheet"} "{chosen.sheet.name}" '
    why += "was read, the one with a column for usernames"
    why += f"; not read: {others}" if others else ""
    return [chosen], [_note("sheet-chosen", chosen, why)]


def _failed(results: list[Head], source: str) -> tuple[list[Head], list[Problem]]:
    """Choose, of a results file, what is to be done again: the rows that did not go well."""
    if not results[0].sheet.name:  # a text file has no sheets to choose from
        return results, []
    failed = [head for head in results if f"{head.sheet.name} ".startswith("Failed ")]
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
        (f'sheet "{head.sheet.name}", ' if head.sheet.name else "")
        + f"row {head.row}: {listed(head.cells)}"
        for head in filled[:5]
        if likeness(head.cells)
    ]
    return SourceError(
        f"{source}: {what}." + (f" Seen instead: {'; '.join(seen)}." if seen else ""),
        'Put a header line above the users, with a column "username"; or say which column it is: '
        "--map username=COLUMN, with its header or its letter, such as B.",
    )
