"""Figure 5: how fast sources are read and checked, and in how much memory.

The workbook is compared with openpyxl's read-only mode over the same file, turn by turn.
"""

import csv
import json
import random
import string
import subprocess
import sys
from pathlib import Path
from statistics import median

import xlsxwriter
from figures import at_least, at_most, told

SIDE = Path(__file__).with_name("reading_side.py")
HEADER = ["username", "password", "name", "email", "department", "phone", "city", "note"]
MIB = 1 << 20


def measure(_vendor, folder, *, few, rows, rounds):
    """Yield the figures: times and their ratio, rows a second, peak memory of both processes."""
    book, text, small = folder / "users.xlsx", folder / "users.csv", folder / "few.xlsx"
    write(text, book, rows)
    write(folder / "few.csv", small, few)
    times = [(read("ours", book), read("openpyxl", book)) for _ in range(rounds)]
    here = median(ours["seconds"] for ours, _ in times)
    there = median(theirs["seconds"] for _, theirs in times)
    ratios = sorted(ours["seconds"] / theirs["seconds"] for ours, theirs in times)
    ratio = median(ratios)
    name = f"5  {rows:,} x 8 .xlsx, read and checked"
    took = f"{ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}; {here:.2f} s / {there:.2f} s)"
    yield at_most(f"{name} / openpyxl iterating it", 1.6, ratio, took)
    seconds = sorted(read("ours", text)["seconds"] for _ in range(rounds))
    speed = rows / median(seconds)
    took = f"{speed:,.0f} ({rows / seconds[-1]:,.0f} to {rows / seconds[0]:,.0f})"
    yield at_least(f"5  {rows:,} x 8 .csv, read and checked: rows/s", 150_000, speed, took)
    many, less = times[0][0], read("ours", small)
    for whose, what in (("peak", "our process"), ("child", "the reading process")):
        told_in = f"{many[whose] / MIB:.0f} MiB"
        yield told(f"{name}: peak memory of {what}", many[whose], told_in)
    grown = (many["peak"] + many["child"]) / (less["peak"] + less["child"])
    yield at_most(f"5  memory of both for {rows:,} / for {few:,}", 1.5, grown, f"{grown:.2f}")


def read(how, path):
    """Read a file in a process of its own."""
    ran = subprocess.run(
        [sys.executable, SIDE, how, path], capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


def write(text, book, rows):
    """Write the same users as text and as a workbook."""
    choose = random.Random(1)
    letters = string.ascii_letters + string.digits
    with text.open("w", newline="") as file, xlsxwriter.Workbook(book) as workbook:
        sheet = workbook.add_worksheet("Users")
        writer = csv.writer(file)
        for number in range(rows + 1):
            password = "".join(choose.choices(letters, k=20))
            name = f"First{number} Last{number}"
            row = [f"user.{number:06d}", password, name, f"user{number}@example.com"]
            row += ["Sales", f"+91 44 {number:07d}", "Chennai", f"note {number % 97}"]
            cells = row if number else HEADER
            writer.writerow(cells)
            for column, cell in enumerate(cells):
                sheet.write_string(number, column, cell)
