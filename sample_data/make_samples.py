#!/usr/bin/env python3
"""Makes users.xlsx, a spreadsheet as an onboarding team sends it, and the files in trouble/.

All people are invented. Run it to make the files again:

    .venv/bin/python sample_data/make_samples.py            here
    .venv/bin/python sample_data/make_samples.py FOLDER     in another folder
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import xlsxwriter

from troubles import GROUPS

HEADERS = ("Username", "Password", "Full name", "E-mail", "Department", "Location", "Starts on")
WIDTHS = (18, 22, 24, 34, 18, 14, 12)

# A blank password is generated. A number is what Excel makes of an extension; its format, 0000,
# shows it with the zeros that it has lost. asha.rao and reception exist already in the sandbox
# that `make run` starts.
PEOPLE: tuple[tuple[str | int, str, str, str, str], ...] = (
    ("asha.rao", "", "Asha Rao", "Sales", "Bengaluru"),
    ("vikram.shah", "", "Vikram Shah", "Sales", "Mumbai"),
    ("meera.nair", "Kovalam-Lantern-58", "Meera Nair", "Sales", "Kochi"),
    ("arjun.iyer", "", "Arjun Iyer", "Support", "Chennai"),
    ("priya.menon", "", "Priya Menon", "Support", "Chennai"),
    ("rohan.kulkarni", "xT9-mango-Velvet-31", "Rohan Kulkarni", "Support", "Pune"),
    ("sneha.desai", "", "Sneha Desai", "Finance", "Ahmedabad"),
    ("kabir.malhotra", "", "Kabir Malhotra", "Finance", "New Delhi"),
    ("ananya.ghosh", "", "Ananya Ghosh", "People", "Kolkata"),
    ("farhan.qureshi", "quiet7River+Teal", "Farhan Qureshi", "Operations", "Hyderabad"),
    ("lakshmi.reddy", "", "Lakshmi Reddy", "Operations", "Hyderabad"),
    ("joao.almeida", "", "João Almeida", "Sales", "Lisboa"),
    ("chloe.moreau", "", "Chloé Moreau", "Sales", "Lyon"),
    ("jonas.weber", "Laterne_44_Regenbogen", "Jonas Weber", "Support", "Köln"),
    ("zofia.wisniewska", "", "Zofia Wiśniewska", "Support", "Kraków"),
    ("marta.garcia", "", "Marta García", "People", "Madrid"),
    ("elin.lindqvist", "", "Elin Lindqvist", "Finance", "Göteborg"),
    ("luca.ferrari", "Pino.verde.92.mare", "Luca Ferrari", "Operations", "Torino"),
    ("sean.obrien", "", "Seán O'Brien", "Operations", "Dublin"),
    ("reception", "", "Front desk", "Reception", "Bengaluru"),
    (41, "", "Meeting room Cauvery", "Rooms", "Bengaluru"),
    (42, "", "Meeting room Narmada", "Rooms", "Mumbai"),
    (107, "Room-107-brass-Heron", "Boardroom", "Rooms", "Lisboa"),
    (1203, "", "Warehouse gate", "Rooms", "Pune"),
    ("door.lobby", "", "Door telephone, lobby", "Rooms", "Bengaluru"),
)
FIRST_DAY = dt.date(2026, 1, 5)


def write_users(path: Path) -> None:
    """Write the workbook, with the same content each time."""
    workbook = xlsxwriter.Workbook(str(path))
    workbook.set_properties({"title": "New starters", "created": dt.datetime(2025, 12, 1)})  # noqa: DTZ001 - xlsxwriter wants local time
    sheet = workbook.add_worksheet("Users")
    title = workbook.add_format({"bold": True, "font_size": 14})
    header = workbook.add_format({"bold": True, "bottom": 1, "bg_color": "#E2EFDA"})
    text = workbook.add_format({"num_format": "@"})
    extension = workbook.add_format({"num_format": "0000", "align": "left"})
    date = workbook.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
    for column, width in enumerate(WIDTHS):
        sheet.set_column(column, column, width)
    sheet.write_string(0, 0, "New starters, January 2026", title)
    sheet.write_row(2, 0, HEADERS, header)
    sheet.freeze_panes(3, 0)
    for number, (username, password, name, department, location) in enumerate(PEOPLE):
        row = number + 3
        if isinstance(username, int):
            sheet.write_number(row, 0, username, extension)
            mailbox = "facilities"
        else:
            sheet.write_string(row, 0, username, text)
            mailbox = username
        if password:
            sheet.write_string(row, 1, password, text)
        for column, cell in enumerate((name, f"{mailbox}@example.com", department, location)):
            sheet.write_string(row, 2 + column, cell)
        sheet.write_datetime(row, 6, FIRST_DAY + dt.timedelta(days=7 * (number // 9)), date)
    workbook.close()


def write_troubles(folder: Path) -> None:
    """Write the files in which something is wrong.

    The protected one is left as it is, if it is there: encryption begins with random bytes.
    """
    folder.mkdir(exist_ok=True)
    for troubles in GROUPS.values():
        for trouble in troubles:
            path = folder / trouble.name
            if trouble.write and not (trouble.is_random and path.exists()):
                trouble.write(path)


if __name__ == "__main__":
    into = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    write_users(into / "users.xlsx")
    write_troubles(into / "trouble")
