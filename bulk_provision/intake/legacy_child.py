"""A program of its own: reads an .xls, .xlsb or .ods file from standard input, writes its cells.

It runs in a process with limits, because the libraries for these formats do not bound what a
hostile file can ask of them: a file of 6 KiB was seen to ask for 160 GiB, which ends a process.
It imports nothing of this package, so that it can be started by its path, whatever `sys.path` is.

On standard output, one JSON value a line: for each worksheet an object `{"sheet": its name,
"hidden": true or false}`, its rows as `[number, [cell, …]]` (a cell is text, a number, a truth
value, or `{"date": "2024-01-02"}`), and `{"numbers": [columns that hold numbers]}`; at the end
`{"end": true}`. Or, instead of that: `{"error": what the library said}`.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, cast

import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

if sys.platform != "win32":
    import resource

MEMORY_LIMIT = 4 << 30  # bytes of address space; a third of it is what the libraries map
CPU_SECONDS = 300
OUTPUT_LIMIT = 4 << 30  # bytes


def main() -> None:
    """Read standard input, write standard output."""
    _limit()
    try:
        with open(0, "rb", closefd=False) as file:
            for value in _values(pd.ExcelFile(file, engine="calamine")):
                sys.stdout.write(json.dumps(value) + "\n")
    except (CalamineError, ValueError, OSError) as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")


def _limit() -> None:
    """Give this process no more than it needs; where there are such limits (POSIX)."""
    if sys.platform == "win32":
        return
    for what, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, MEMORY_LIMIT),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, OUTPUT_LIMIT),
    ):
        with suppress(ValueError, OSError):  # a lower limit holds already
            resource.setrlimit(what, (limit, limit))


def _values(file: pd.ExcelFile) -> Iterator[object]:
    hidden = {
        sheet.name
        for sheet in cast(CalamineWorkbook, file.book).sheets_metadata
        if sheet.visible != SheetVisibleEnum.Visible
    }
    for name in file.sheet_names:
        yield {"sheet": name, "hidden": name in hidden}
        frame = pd.read_excel(file, sheet_name=name, header=None, dtype=object, na_filter=False)
        numbers: set[int] = set()
        for number, cells in enumerate(frame.itertuples(index=False, name=None), start=1):
            if row := _row(cells, numbers):
                yield [number, row]
        yield {"numbers": sorted(numbers)}
    yield {"end": True}


def _row(cells: Iterable[Any], numbers: set[int]) -> list[object]:
    """Make a row fit for JSON, without the blank cells at its end; note which are numbers."""
    row: list[object] = []
    filled = 0
    for column, cell in enumerate(cells):
        if isinstance(cell, (dt.datetime, dt.date, dt.time, dt.timedelta)):
            row.append({"date": _date(cell)})
        elif isinstance(cell, (str, bool, int, float)):
            row.append(cell)
            if type(cell) in (int, float):
                numbers.add(column)
        else:
            row.append("")
        if row[-1] != "":
            filled = column + 1
    return row[:filled]


def _date(cell: dt.date | dt.time | dt.timedelta) -> str:
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return str(cell.date())
    return str(cell)


if __name__ == "__main__":
    main()
