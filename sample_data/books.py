"""Workbooks with something wrong in them: what the cells of one may be, and how it is written."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import xlsxwriter
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet


class Shown(NamedTuple):
    """A number with a number format."""

    value: float
    form: str


class Formula(NamedTuple):
    """A formula with the result that was saved with it; None for none."""

    text: str
    result: str | float | None


Cell: TypeAlias = str | float | bool | Shown | Formula | None
Rows: TypeAlias = Sequence[Sequence[Cell]]
Finish: TypeAlias = Callable[[Workbook, Worksheet], None]


class Trouble(NamedTuple):
    """A file with one thing wrong (or strange) in it.

    Args:
        name: the file's.
        what: what is wrong, as a person would say it.
        write: makes the file; None where another trouble has made it.
        code: the exit code that `plan` ends with.
        options: of `plan`, beside the file and the app id.
        variables: of the environment.
        is_random: whether the file's bytes are other ones whenever it is made.
    """

    name: str
    what: str
    write: Callable[[Path], object] | None
    code: int = 1
    options: str = ""
    variables: str = ""
    is_random: bool = False


PEOPLE: Rows = (
    ("asha.rao", "Kovalam-Lantern-58", "Asha Rao", "Sales"),
    ("vikram.shah", "", "Vikram Shah", "Sales"),
    ("meera.nair", "", "Meera Nair", "Support"),
    ("jonas.weber", "Laterne_44_Regenbogen", "Jonas Weber", "Support"),
    ("chloe.moreau", "", "Chloé Moreau", "Finance"),
    ("arjun.iyer", "xT9-mango-Velvet-31", "Arjun Iyer", "Finance"),
    ("zofia.wisniewska", "", "Zofia Wiśniewska", "Operations"),
    ("luca.ferrari", "Pino.verde.92.mare", "Luca Ferrari", "Operations"),
)
"""Username, password, name and department, with nothing wrong."""

HEADER = ("Username", "Password", "Full name", "Department")


def people(usernames: Sequence[Cell], passwords: Sequence[Cell] = ()) -> Rows:
    """Return a table of as many people as there are usernames (or passwords) for.

    Args:
        usernames: in place of their own; none of them to leave all as they are.
        passwords: the same.
    """
    rows = [list(row) for row in PEOPLE[: len(usernames) or len(passwords) or None]]
    for column, cells in enumerate((usernames, passwords)):
        for row, cell in zip(rows, cells, strict=False):
            row[column] = cell
    return [HEADER, *rows]


def book(rows: Rows | Mapping[str, Rows], finish: Finish | None = None) -> Callable[[Path], object]:
    """Return what writes a workbook to a path.

    Args:
        rows: of the sheet "Users", or of each sheet by its name.
        finish: is given the workbook and its first sheet before they are written.
    """
    return lambda path: path.write_bytes(packed(rows, finish))


def packed(rows: Rows | Mapping[str, Rows], finish: Finish | None = None) -> bytes:
    """Return a workbook's bytes: the same ones each time."""
    sheets = rows if isinstance(rows, Mapping) else {"Users": rows}
    into = io.BytesIO()
    workbook = Workbook(into, {"in_memory": True})
    workbook.set_properties({"created": dt.datetime(2025, 12, 1)})  # noqa: DTZ001 - as xlsxwriter wants it
    bold = workbook.add_format({"bold": True, "bottom": 1})
    for name, cells in sheets.items():
        sheet = workbook.add_worksheet(name)
        sheet.set_column(0, 7, 20)
        header = _widest(cells)
        for at, row in enumerate(cells):
            for column, cell in enumerate(row):
                _write(workbook, sheet, (at, column), cell, bold if row is header else None)
    if finish is not None:
        finish(workbook, workbook.worksheets()[0])
    workbook.close()
    # xlsxwriter asks for the formulas to be calculated; these have their results, as Excel's do.
    return repacked(into.getvalue(), {"xl/workbook.xml": (' fullCalcOnLoad="1"', "")})


def _widest(rows: Rows) -> Sequence[Cell]:
    """Return the header: the first row in which no cell is left out."""
    return max(rows, key=lambda row: sum(1 for cell in row if cell is not None), default=())


def _write(
    workbook: Workbook,
    sheet: Worksheet,
    place: tuple[int, int],
    cell: Cell,
    look: xlsxwriter.format.Format | None,
) -> None:
    if isinstance(cell, Shown):
        sheet.write_number(*place, cell.value, workbook.add_format({"num_format": cell.form}))
    elif isinstance(cell, Formula):
        sheet.write_formula(*place, cell.text, None, "" if cell.result is None else cell.result)
    elif isinstance(cell, bool):
        sheet.write_boolean(*place, cell)
    elif isinstance(cell, int | float):
        sheet.write_number(*place, cell)
    elif cell:
        sheet.write_string(*place, cell, look)


def repacked(workbook: bytes, parts: Mapping[str, bytes | tuple[str, str]]) -> bytes:
    """Return a workbook with some parts changed.

    Args:
        workbook: its bytes.
        parts: name → the part's new content; or what is replaced in the old one, and by what.
    """
    into = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        contents = {name: old.read(name) for name in old.namelist()}
        for name, change in parts.items():
            if isinstance(change, bytes):
                contents[name] = change
            else:
                assert change[0].encode() in contents[name], f"{change[0]} is not in {name}"
                contents[name] = contents[name].replace(change[0].encode(), change[1].encode())
        for name, content in contents.items():
            new.writestr(dated(name), content)
    return into.getvalue()


def dated(name: str) -> zipfile.ZipInfo:
    """Return a part's entry with a date that is always the same."""
    entry = zipfile.ZipInfo(name, (2025, 12, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
