r"""The results as four CSV files, for scripts and for whoever prefers them.

UTF-8 with a byte order mark (without it, Excel takes it for a Windows code page), commas, CRLF
(RFC 4180), quotes where they are needed, the columns of the workbook. A lone surrogate, which
UTF-8 cannot write, is shown as `\udXXX`.

A program that opens CSV takes a cell such as `=HYPERLINK(…)` for a formula. So every cell is
guarded, those of the header included:

1. A cell that begins with an apostrophe gets one more in front.
2. A cell that begins with `=`, `+`, `-`, `@`, TAB, CR or LF, or with the full-width forms of the
   first four, gets an apostrophe in front, unless it is `+` or `-` followed by nothing but
   digits, spaces, points, hyphens and parentheses: a number or a telephone number is harmless.

Hence the exact inverse needs no list: a cell that begins with an apostrophe loses it.
"""

from __future__ import annotations

import csv
import re
from contextlib import ExitStack
from io import TextIOWrapper
from typing import TYPE_CHECKING

from bulk_provision.results.layout import COLUMNS, has_old_username, pile_of, with_old_beside
from bulk_provision.results.place import csv_paths, export_again, placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bulk_provision.model import ResultRow, RunRecord

_DANGEROUS = re.compile(r"[=+\-@\t\r\n＝＋－＠']")
_HARMLESS = re.compile(r"[+-][0-9 ().-]*")


def guard(cell: str) -> str:
    """Put an apostrophe in front of what a spreadsheet program might take for a formula."""
    if _DANGEROUS.match(cell) and not _HARMLESS.fullmatch(cell):
        return f"'{cell}"
    return cell


def unguard(cell: str) -> str:
    """Give back what `guard` was given."""
    return cell.removeprefix("'")


def write(
    path: Path,
    run: RunRecord,
    rows: Callable[[], Iterable[ResultRow]],
    *,
    overwrite: bool,
) -> tuple[Path, ...]:
    """Write the four files and put them in place; see `results.write_csv`."""
    paths = csv_paths(path, run.kind)
    is_renamed = has_old_username(run.columns)
    header = [*COLUMNS, *map(guard, run.columns)]
    if is_renamed:
        header = with_old_beside(header)
    with (
        placed(tuple(paths.values()), overwrite=overwrite, cure=export_again(run.run_id)) as files,
        ExitStack() as texts,
    ):
        writers = {}
        for pile, file in zip(paths, files, strict=True):
            text = TextIOWrapper(
                file,
                encoding="utf-8-sig",
                errors="backslashreplace",
                newline="",
                write_through=False,
            )
            texts.callback(text.detach)  # flushes, and leaves the file open for `placed`
            writers[pile] = csv.writer(text)
            writers[pile].writerow(header)
        for row in rows():
            cells = _cells(row)
            writers[pile_of(row)].writerow(with_old_beside(cells) if is_renamed else cells)
    return tuple(paths.values())


def _cells(row: ResultRow) -> list[str | int]:
    ours = (row.username, row.password, row.connect_url, row.outcome.value)
    told = (row.code, row.message, row.tip)
    return [row.number, *map(guard, (*ours, *told, *row.others))]
