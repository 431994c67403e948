"""An empty, explained spreadsheet to fill in: what can be read is what is offered here."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from bulk_provision.errors import UsageError

_TEXT = "@"
_LINE_HEIGHT = 15  # points
_BOLD = Font(name="Calibri", size=11, bold=True)
_HEADER_FILL = PatternFill("solid", fgColor="DDE8F5")
_WRAPPED = Alignment(wrap_text=True, vertical="top")


class _Column(NamedTuple):
    header: str
    width: int  # in characters
    note: str
    examples: tuple[str, str]


_COLUMNS = (
    _Column(
        "username",
        24,
        "Needed. What the phone logs in with: letters A-Z a-z, digits, and . _ + - "
        "(at most 64). Each username once.",
        ("asha.example", "0042"),
    ),
    _Column(
        "password",
        28,
        "Leave it blank to have a good one made; it comes back in the results file. "
        "One that is written here is used exactly as it stands (at most 128 characters).",
        ("", "Written-in-the-cell-7"),
    ),
    _Column(
        "name",
        28,
        "Optional. It comes back in the results file.",
        ("Asha Example", "Front desk"),
    ),
    _Column(
        "email",
        34,
        "Optional. It comes back in the results file.",
        ("asha@example.com", "desk@example.com"),
    ),
    _Column(
        "department",
        22,
        "Optional; an example of a column of your own. Add as many as you like, with any header: "
        "they come back in the results file.",
        ("Sales", "Reception"),
    ),
)
_ADVICE = (
    "Write one person a line on the sheet 'Users', below the header.",
    (
        "The columns there are formatted as text, so that 0042 stays 0042. When you paste into "
        "them, paste values only ('Paste special', 'Values'), so that it stays so."
    ),
    (
        "Save the file, then run: bulk-provision plan FILE.xlsx - it says what would be done, and "
        "does nothing. Then: bulk-provision run FILE.xlsx"
    ),
)


def write_template(path: str | Path, *, overwrite: bool = False) -> None:
    """Write a workbook to fill in.

    Its sheet `Users` has the columns, formatted as text all the way down, and no row yet; the
    examples stand on the sheet `How to fill in`, where they cannot be provisioned by accident.

    Args:
        path: where to; it should end in .xlsx.
        overwrite: whether a file that is there may be replaced.

    Raises:
        UsageError: the file is there already, or cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".xlsx":
        raise UsageError(f"{path}: a template is an Excel workbook.", "End its name in .xlsx.")
    workbook = Workbook()
    users = workbook.active
    assert isinstance(users, Worksheet)
    _fill_users(users)
    _fill_help(workbook.create_sheet("How to fill in"))
    try:
        with path.open("wb" if overwrite else "xb") as file:
            workbook.save(file)
    except FileExistsError:
        raise UsageError(f"{path}: there is a file already.", "Choose another name.") from None
    except OSError as error:
        raise UsageError(
            f"{path}: the file cannot be written ({error.strerror}).", "Choose another folder."
        ) from None


def _fill_users(sheet: Worksheet) -> None:
    sheet.title = "Users"
    for index, column in enumerate(_COLUMNS, start=1):
        dimension = sheet.column_dimensions[get_column_letter(index)]
        dimension.width = column.width
        dimension.number_format = _TEXT  # for all rows, the ones not yet there too
        cell = _headed(sheet, 1, index, column.header)
        cell.number_format = _TEXT
        cell.comment = Comment(column.note, "bulk-provision", width=320, height=110)
    sheet.freeze_panes = "A2"


def _fill_help(sheet: Worksheet) -> None:
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    for letter, width in zip("ABCD", (24, 70, 24, 24), strict=True):
        sheet.column_dimensions[letter].width = width
    for row, advice in enumerate(_ADVICE, start=1):
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=4)
        sheet.cell(row, 1, advice).alignment = _WRAPPED
        sheet.row_dimensions[row].height = _LINE_HEIGHT * 2
    top = len(_ADVICE) + 2
    for index, header in enumerate(("Column", "What to write", "Example", "Another"), start=1):
        _headed(sheet, top, index, header)
    for row, column in enumerate(_COLUMNS, start=top + 1):
        # Not the bare header: the sheet must not look like a table of users itself.
        title = f"Column {get_column_letter(row - top)}: {column.header}"
        for index, text in enumerate((title, column.note, *column.examples), start=1):
            cell = sheet.cell(row, index, text or "(blank)")
            cell.alignment = _WRAPPED
            cell.number_format = _TEXT
        sheet.row_dimensions[row].height = _LINE_HEIGHT * 3


def _headed(sheet: Worksheet, row: int, column: int, text: str) -> Cell:
    cell = sheet.cell(row, column, text)
    assert isinstance(cell, Cell)
    cell.font = _BOLD
    cell.fill = _HEADER_FILL
    return cell
