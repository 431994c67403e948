"""A report about drift: one table, as a workbook or as CSV; never with a password."""

from __future__ import annotations

import csv
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from itertools import count
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast

from bulk_provision.results.csv_files import guard
from bulk_provision.results.layout import SHEET_LIMIT
from bulk_provision.results.place import placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from openpyxl import Workbook

    from bulk_provision.model import Drift
    from bulk_provision.results.sheet import SheetStream

_HEADER = ("drift", "username", "row", "note")
_FORMULA_LIKE = frozenset("=+-@")
_WIDTHS = (24, 28, 8, 64)
_CURE = "Choose another place with -o; nothing was changed at TeleCMI."


@contextmanager
def drift_report(path: Path, *, overwrite: bool = False) -> Iterator[Callable[[Drift], None]]:
    """Give what takes each drift; the file is put in place when the block ends well.

    Args:
        path: a workbook, or CSV when its name ends with `.csv`.
        overwrite: replace a file that lies there already.

    Raises:
        ResultsError: it cannot be written; nothing of it was left behind.
    """
    writing = _as_csv if path.suffix.lower() == ".csv" else _as_workbook
    with placed([path], overwrite=overwrite, cure=_CURE) as (file,), writing(file) as keep:
        yield keep


def _cells(drift: Drift) -> tuple[str, str, str, str]:
    number = "" if drift.number is None else str(drift.number)
    return drift.kind.value, drift.username, number, drift.note


@contextmanager
def _as_csv(file: BinaryIO) -> Iterator[Callable[[Drift], None]]:
    text = TextIOWrapper(file, encoding="utf-8-sig", errors="backslashreplace", newline="")
    writer = csv.writer(text)
    writer.writerow(_HEADER)
    yield lambda drift: writer.writerow(map(guard, _cells(drift)))
    text.detach()  # flushes, and leaves the file open for `placed`


@contextmanager
def _as_workbook(file: BinaryIO) -> Iterator[Callable[[Drift], None]]:
    from openpyxl import Workbook  # noqa: PLC0415 - it takes 0.4 s to import
    from openpyxl.writer.excel import ExcelWriter  # noqa: PLC0415

    from bulk_provision.results.sheet import Archive  # noqa: PLC0415

    workbook = Workbook(write_only=True)
    workbook.properties.creator = "bulk-provision"
    with ExitStack() as spools:
        stream, style = _sheet(workbook, "Drift", spools)
        titles = count(2)

        def keep(drift: Drift) -> None:
            nonlocal stream, style
            if stream.rows_written == SHEET_LIMIT:
                stream.finish()
                stream, style = _sheet(workbook, f"Drift {next(titles)}", spools)
            stream.add([(style(cell), cell) for cell in _cells(drift)])

        yield keep
        stream.finish()
        with Archive(file) as archive:
            ExcelWriter(workbook, archive).save()


def _sheet(
    workbook: Workbook, title: str, spools: ExitStack
) -> tuple[SheetStream, Callable[[str], int]]:
    """Begin a sheet; return also what tells the style that a text needs to stay a text."""
    from bulk_provision.results.looks import DataLooks  # noqa: PLC0415
    from bulk_provision.results.sheet import SheetStream  # noqa: PLC0415

    spool = cast("BinaryIO", spools.enter_context(TemporaryFile()))  # noqa: SIM115  no password
    stream = SheetStream(workbook, title, spool)
    spools.callback(stream.discard)
    looks = DataLooks.of(stream.sheet)
    stream.sheet.freeze_panes = "A2"
    for letter, width in zip("ABCD", _WIDTHS, strict=True):
        stream.sheet.column_dimensions[letter].width = width
    stream.begin()
    stream.add([(looks.our_header, name) for name in _HEADER])
    return stream, lambda text: looks.formula_like if text[:1] in _FORMULA_LIKE else looks.text
