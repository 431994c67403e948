"""Tables that are not where, or not what, one would expect."""

from __future__ import annotations

from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from books import HEADER, PEOPLE, Trouble, book, people

_LEFT_OUT = (None, None)


def _filter(_: Workbook, sheet: Worksheet) -> None:
    sheet.autofilter("A1:D9")
    sheet.filter_column("D", "x != Finance")
    for row in (5, 6):
        sheet.set_row(row, None, None, {"hidden": True})


def _hide_column(_: Workbook, sheet: Worksheet) -> None:
    sheet.set_column("B:B", None, None, {"hidden": True})


def _hide_sheet(workbook: Workbook, _: Worksheet) -> None:
    workbook.worksheets()[1].hide()


SHEETS = (
    Trouble(
        "table-in-the-middle.xlsx",
        "A title, notes and blank rows; the table begins in C7.",
        book(
            [
                (None, "New starters, January 2026"),
                (),
                (None, "Please send corrections to people@example.com"),
                (),
                (),
                (),
                *([*_LEFT_OUT, *row] for row in people([])),
            ]
        ),
        code=0,
    ),
    Trouble(
        "two-sheets-fit.xlsx",
        "A sheet for each site, both with users.",
        book({"Bengaluru": [HEADER, *PEOPLE[:4]], "Köln": [HEADER, *PEOPLE[4:]]}),
        code=2,
    ),
    Trouble(
        "one-sheet-fits.xlsx",
        "The users are on the second sheet; the first one is for reading.",
        book(
            {
                "Read me": [["What this file is for"], ["Everybody who starts in January"]],
                "Users": people([]),
            }
        ),
        code=0,
    ),
    Trouble(
        "hidden-sheet.xlsx",
        "The only sheet with users is hidden.",
        book({"Overview": [["Site", "Heads"], ["Bengaluru", 8]], "Users": people([])}, _hide_sheet),
        code=0,
    ),
    Trouble(
        "header-alone.xlsx",
        "A header, and nobody below it.",
        book([HEADER]),
        code=2,
    ),
    Trouble(
        "nothing-in-it.xlsx",
        "A workbook in which nothing was ever typed.",
        book([]),
        code=2,
    ),
)
ROWS = (
    Trouble(
        "hidden-rows.xlsx",
        "A filter that leaves Finance out of sight. The two are in the file all the same.",
        book(people([]), _filter),
        code=0,
    ),
    Trouble(
        "totals-below.xlsx",
        "A total and notes below the table.",
        book(
            [
                *people([]),
                ("Total", "", 8),
                (),
                ("As of 5 January 2026, without Dublin",),
                ("Questions: ask Meera",),
            ]
        ),
        code=0,
    ),
    Trouble(
        "username-missing.xlsx",
        "Two people without a username.",
        book(people(["asha.rao", "", "meera.nair", "-", "chloe.moreau"])),
    ),
    Trouble(
        "placeholders.xlsx",
        "null and TBD where a system, or a colleague, had no username.",
        book(people(["asha.rao", "null", "meera.nair", "TBD"])),
        code=0,
    ),
    Trouble(
        "duplicate-usernames.xlsx",
        "The same username twice.",
        book(people(["asha.rao", "vikram.shah", "asha.rao", "jonas.weber", "vikram.shah"])),
    ),
    Trouble(
        "case-twins.xlsx",
        "Two usernames that differ by upper and lower case alone.",
        book(people(["asha.rao", "vikram.shah", "Asha.Rao"])),
        code=0,
    ),
    Trouble(
        "header-again.xlsx",
        "Two lists pasted one below the other, each with its header.",
        book([*people([])[:4], HEADER, *PEOPLE[3:]]),
    ),
)
COLUMNS = (
    Trouble(
        "hidden-column.xlsx",
        "The column of passwords is hidden.",
        book(people([]), _hide_column),
        code=0,
    ),
    Trouble(
        "duplicate-columns.xlsx",
        "Phone twice, and a column without a header, in use for two remarks.",
        book(
            [
                ("Username", "Full name", "Phone", "Phone", "", "Site"),
                ("asha.rao", "Asha Rao", "080-4110", "98450-11223", "", "Bengaluru"),
                ("vikram.shah", "Vikram Shah", "022-6120", "98200-44556", "from 1 May", "Mumbai"),
                ("meera.nair", "Meera Nair", "0484-230", "94470-77889", "", "Kochi"),
            ]
        ),
        code=0,
    ),
    Trouble(
        "two-username-columns.xlsx",
        "SIP user and Extension: which one does the phone log in with?",
        book(
            [
                ("SIP user", "Extension", "Password", "Name"),
                ("asha.rao", "0041", "", "Asha Rao"),
                ("vikram.shah", "0042", "", "Vikram Shah"),
            ]
        ),
        code=2,
    ),
    Trouble(
        "two-password-columns.xlsx",
        "Password and SIP secret: one is for the computer.",
        book(
            [
                ("Username", "Password", "SIP secret", "Name"),
                ("asha.rao", "Kovalam-Lantern-58", "xT9-mango-Velvet-31", "Asha Rao"),
                ("vikram.shah", "Laterne_44_Regenbogen", "Pino.verde.92.mare", "Vikram Shah"),
            ]
        ),
        code=2,
    ),
    Trouble(
        "password-column-unknown.xlsx",
        "A column Initial password: is it the one for the phone?",
        book(
            [
                ("Username", "Initial password", "Name"),
                ("asha.rao", "Kovalam-Lantern-58", "Asha Rao"),
                ("vikram.shah", "Laterne_44_Regenbogen", "Vikram Shah"),
            ]
        ),
        code=0,
    ),
    Trouble(
        "no-username-column.xlsx",
        "A list from the people's department: there is a name, and no username.",
        book(
            [
                ("Employee no.", "Full name", "E-mail", "Department"),
                ("E-1100", "Asha Rao", "asha.rao@example.com", "Sales"),
                ("E-1101", "Vikram Shah", "vikram.shah@example.com", "Sales"),
            ]
        ),
        code=2,
    ),
    Trouble(
        "no-header.xlsx",
        "No header at all.",
        book(PEOPLE),
        code=2,
    ),
)
