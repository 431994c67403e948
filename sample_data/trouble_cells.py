"""Cells that are not what they seem: numbers, dates, formulas, and what cannot be seen."""

from __future__ import annotations

from pathlib import Path

from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from books import HEADER, PEOPLE, Formula, Rows, Shown, Trouble, book, packed, people, repacked

_LOOKUP = "=VLOOKUP(E{0},Staff!A:B,2,FALSE)"


def _rooms(*extensions: str | float | Shown) -> Rows:
    names = ("Reception", "Cauvery", "Narmada", "Boardroom", "Kitchen", "Warehouse gate", "Lift")
    sites = ("Bengaluru", "Mumbai", "Pune")
    rows = [
        (extension, name, sites[at % 3])
        for at, (extension, name) in enumerate(zip(extensions, names, strict=False))
    ]
    return [("Extension", "Room", "Site"), *rows]


def _formulas(results: list[str | float | None], formula: str) -> Rows:
    rows = people([Formula(formula.format(at), one) for at, one in enumerate(results, start=2)])
    return [
        [*row, "Staff no."] if row is HEADER else [*row, f"E-{at}"]
        for at, row in enumerate(rows, start=1099)
    ]


def _uncalculated(path: Path) -> None:
    """Write formulas as a library does that cannot calculate: without any result."""
    workbook = packed(_formulas([None] * 3, '=LOWER(SUBSTITUTE(C{0}," ","."))'))
    path.write_bytes(repacked(workbook, {"xl/worksheets/sheet1.xml": ("<v></v>", "")}))


def _unreadable(path: Path) -> None:
    workbook = packed(_rooms("reception", 201, 202))
    path.write_bytes(
        repacked(workbook, {"xl/worksheets/sheet1.xml": ("<v>202</v>", "<v>n.a.</v>")})
    )


def _merge_passwords(workbook: Workbook, sheet: Worksheet) -> None:
    look = workbook.add_format({"valign": "vcenter"})
    sheet.merge_range("B3:B5", "Shared-By-Three-41", look)


def _merge_across(workbook: Workbook, sheet: Worksheet) -> None:
    sheet.merge_range("A5:B5", "jonas.weber", workbook.add_format({"align": "center"}))


def _merge_departments(workbook: Workbook, sheet: Worksheet) -> None:
    look = workbook.add_format({"valign": "vcenter"})
    for place, name in (("D2:D4", "Sales"), ("D5:D9", "Support")):
        sheet.merge_range(place, name, look)


NUMBERS = (
    Trouble(
        "zeros-lost.xlsx",
        "Extensions of four digits, two of them typed into a column that was not formatted as "
        "Text: Excel made 41 of 0041.",
        book(_rooms("0001", 41, "0042", "0107", 203, "1203")),
        code=0,
    ),
    Trouble(
        "number-formats.xlsx",
        "Numbers that look right because of their formats: 0041, 12-34, +7, ext-5.",
        book(
            _rooms(
                Shown(41, "0000"),
                Shown(42, "0000"),
                Shown(1234, "00-00"),
                Shown(7, "+0"),
                Shown(5, '"ext-"0'),
            )
        ),
        code=0,
    ),
    Trouble(
        "number-too-long.xlsx",
        "Card numbers of 16 digits and more, typed as numbers. Excel keeps 15 digits and puts "
        "zeros in place of the others.",
        book(_rooms("reception", 4929876543210987, 49298765432109870)),
    ),
    Trouble(
        "scientific-notation.xlsx",
        "Mobile numbers that are shown as 9.2E+11.",
        book(_rooms("reception", Shown(919876543210, "0.0E+00"), Shown(919812345678, "0.0E+00"))),
    ),
    Trouble(
        "decimals.xlsx",
        "Floor and room as 2.14: a number, which a German Excel shows as 2,14.",
        book(_rooms("reception", 2.14, 3.02)),
    ),
    Trouble(
        "thousands.xlsx",
        "Extensions with a thousands separator: 1,203.",
        book(_rooms("reception", Shown(1203, "#,##0"), Shown(104, "#,##0"))),
    ),
    Trouble(
        "percentages.xlsx",
        "A column of extensions that somebody formatted as a percentage.",
        book(_rooms("reception", Shown(0.41, "0%"), Shown(0.42, "0%"))),
    ),
    Trouble(
        "dates.xlsx",
        "1-2 and 3-4 were typed, for building and room: Excel made dates of them.",
        book(_rooms("reception", Shown(46024, "d-mmm"), Shown(46085, "d-mmm"))),
    ),
    Trouble(
        "truth-values.xlsx",
        "A password that somebody typed as true: now it is a truth value, WAHR in a German Excel.",
        book(people([], ["", True, ""])),
    ),
    Trouble(
        "format-hides.xlsx",
        "The format ;;; hides the passwords, which are numbers.",
        book(people([], [Shown(70918264553, ";;;"), ""])),
    ),
    Trouble(
        "number-unreadable.xlsx",
        "An export wrote a cell as a number, with n.a. for its value.",
        _unreadable,
    ),
)
FORMULAS = (
    Trouble(
        "formulas.xlsx",
        "Usernames made by a formula, saved by Excel: the results are in the file.",
        book(_formulas(["asha.rao", "vikram.shah", "meera.nair"], "=LOWER(C{0})")),
        code=0,
    ),
    Trouble(
        "formulas-uncalculated.xlsx",
        "The same, written by a program that cannot calculate.",
        _uncalculated,
    ),
    Trouble(
        "formulas-changing.xlsx",
        "Usernames with the day in them, by TODAY().",
        book(
            _formulas(
                ["guest-0105", "visitor-0105"],
                '=IF(ROW()={0},"guest","visitor")&TEXT(TODAY(),"-mmdd")',
            )
        ),
        code=0,
    ),
    Trouble(
        "error-values.xlsx",
        "A lookup that found nothing for two people: #N/A.",
        book(_formulas(["asha.rao", "#N/A", "meera.nair", "#N/A"], _LOOKUP)),
    ),
)
MERGED = (
    Trouble(
        "merged-password.xlsx",
        "One password in a cell merged over three people.",
        book(people([], ["Kovalam-Lantern-58"] + [""] * 4), _merge_passwords),
    ),
    Trouble(
        "merged-across.xlsx",
        "A username merged with the password cell beside it.",
        book(people([]), _merge_across),
    ),
    Trouble(
        "merged-department.xlsx",
        "Departments merged over their people, as lists for printing are.",
        book(people([]), _merge_departments),
        code=0,
    ),
)
CHARACTERS = (
    Trouble(
        "spaces-around.xlsx",
        "A space, a no-break space and a zero-width space round usernames: pasted from a web page.",
        book(people(["asha.rao", " vikram.shah ", "meera.nair\u00a0", "\u200bjonas.weber"])),
        code=0,
    ),
    Trouble(
        "spaces-in-passwords.xlsx",
        "The same in passwords, where nothing may be taken away.",
        book(
            people(
                [],
                [
                    "Kovalam-Lantern-58 ",
                    "Velvet\u00a0Mango-931",
                    "\u200bLaterne_44_Regen",
                    "",
                    "Two words 4817 here",
                ],
            )
        ),
    ),
    Trouble(
        "full-width-digits.xlsx",
        "Extensions typed with a Japanese keyboard: ２０１ is not 201.",
        book(_rooms("reception", "２０１", "202")),
    ),
    Trouble(
        "look-alikes.xlsx",
        "A Cyrillic а in a username, which no eye can tell from the Latin one.",
        book(people(["asha.rao", "vikr\u0430m.shah"])),
    ),
    Trouble(
        "names-as-usernames.xlsx",
        "Names where usernames should be: with spaces and accents.",
        book(people(["Asha Rao", "Vikram Shah", "Meera Nair", "Jonas Weber", "Chloé Moreau"])),
    ),
    Trouble(
        "email-as-username.xlsx",
        "E-mail addresses where usernames should be.",
        book(people([f"{row[0]}@example.com" for row in PEOPLE[:4]])),
    ),
    Trouble(
        "too-long.xlsx",
        "A whole path from the directory as username, and a key as password.",
        book(
            people(
                ["asha.rao", "OU-Bengaluru.OU-Sales.OU-Inside-Sales.OU-Team-South.CN-vikram.shah"],
                ["", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" * 3],
            )
        ),
    ),
)
PASSWORDS = (
    Trouble(
        "weak-passwords.xlsx",
        "Passwords that anybody guesses. The row goes on, unless `--weak-passwords refuse`.",
        book(
            people(
                [],
                ["asha.rao", "vikram.shah2026", "Ab1x", "70918264", "aaaaaaaaaa", "password123"],
            )
        ),
        code=0,
    ),
    Trouble(
        "masked-passwords.xlsx",
        "Passwords as the old system showed them: dots, asterisks, xxxx.",
        book(people([], ["••••••••", "********", "", "xxxxxxxx"])),
    ),
    Trouble(
        "passwords-not-ascii.xlsx",
        "A password with an accent, which phones encode differently.",
        book(people([], ["Crème-brûlée-4471", ""])),
        code=0,
    ),
)
