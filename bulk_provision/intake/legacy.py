"""The other workbooks (.xls, .xlsb, .ods), through pandas and python-calamine.

They are read without number formats: whether 42 was shown as 0042 cannot be seen. A process of
its own reads them (`legacy_child`); what it says is kept in an unnamed temporary file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import BOOLEAN, DATE, DoubtfulText, storable
from bulk_provision.intake.number_format import number_format
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

_CHILD = Path(__file__).with_name("legacy_child.py")
_SECONDS = 300.0
_SAVE_AS = "Open it in Excel or LibreOffice and save it as an Excel workbook (.xlsx)."


class LegacyBook:
    """An open workbook of another kind than .xlsx.

    Args:
        source: an .xls, .xlsb or .ods file.

    Raises:
        SourceError: the file is damaged, protected, no workbook, or asks for too much.
    """

    def __init__(self, source: Source) -> None:
        self._cells = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the book
        try:
            _read(source, self._cells)
            self.sheets: Sequence[Sheet] = _sheets(source.shown, self._cells)
        except BaseException:
            self._cells.close()
            raise

    def notes(
        self,
        sheet: Sheet,
        credentials: Sequence[int],
        others: Sequence[int],  # noqa: ARG002 - there, a lost zero harms nobody's login
    ) -> list[Problem]:
        """Tell when there are numbers whose formats cannot be seen."""
        assert isinstance(sheet, LegacySheet)
        if sheet.numbers.isdisjoint(credentials):
            return []
        return [
            Problem(
                "number-format-unseen",
                sheet.name,
                "",
                "usernames or passwords are stored as numbers, and in this kind of file their "
                "format cannot be seen: a number shown as 0042 was read as 42",
                f"If that matters: {_SAVE_AS}",
                warning=True,
            )
        ]

    def close(self) -> None:
        """Let go of the cells; the source's file stays open."""
        self._cells.close()


class LegacySheet:
    """A worksheet, of which the cells lie in a temporary file.

    Args:
        name: the sheet's.
        hidden: whether it is kept out of sight.
        cells: the temporary file.
        start: where in it the sheet's rows begin.
    """

    ragged = False

    def __init__(self, name: str, cells: IO[bytes], start: int, *, hidden: bool) -> None:
        self.name = name
        self.hidden = hidden
        self.numbers: frozenset[int] = frozenset()
        self._cells = cells
        self._start = start

    def records(self) -> Iterator[Record]:
        """Read from the top."""
        self._cells.seek(self._start)
        while (line := self._cells.readline()).startswith(b"["):
            number, values = json.loads(line)
            yield number, [_shown(value) for value in values], ()


def _read(source: Source, cells: IO[bytes]) -> None:
    """Have the workbook read by a process with limits."""
    os.lseek(source.file.fileno(), 0, os.SEEK_SET)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("BULK_PROVISION")
    }
    environment |= {"OPENBLAS_NUM_THREADS": "1"}  # each thread maps memory for itself
    try:
        ended = subprocess.run(  # noqa: S603 - our own program, without arguments
            [sys.executable, "-P", str(_CHILD)],
            stdin=source.file.fileno(),
            stdout=cells,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SourceError(
            f"{source.shown}: reading the workbook took longer than {_SECONDS:.0f} seconds.",
            _SAVE_AS,
        ) from None
    if ended.returncode:
        raise _damaged(source.shown, "reading it failed, or took too much memory")


def _sheets(source: str, cells: IO[bytes]) -> tuple[LegacySheet, ...]:
    """Go once through what was read, and know where each sheet begins."""
    sheets: list[LegacySheet] = []
    told: dict[str, object] = {}
    cells.seek(0)
    while line := cells.readline():
        if line.startswith(b"["):
            continue
        told = json.loads(line)
        if "sheet" in told:
            hidden = bool(told["hidden"])
            sheets.append(LegacySheet(str(told["sheet"]), cells, cells.tell(), hidden=hidden))
        elif isinstance(numbers := told.get("numbers"), list):
            sheets[-1].numbers = frozenset(numbers)
    if "end" not in told:
        raise _damaged(source, str(told.get("error", "reading it ended early")))
    return tuple(sheets)


def _damaged(source: str, why: str) -> SourceError:
    # The library says "cannot detect file format" of a protected workbook, too.
    return SourceError(
        f"{source}: the workbook is damaged, protected with a password, or none at all ({why}).",
        f"Take the password off if it has one. {_SAVE_AS}",
    )


def _shown(value: object) -> str:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, bool):
        return DoubtfulText(str(value).upper(), BOOLEAN)
    if isinstance(value, (int, float)):
        return number_format("General").number(str(value))
    assert isinstance(value, dict)
    return DoubtfulText(value["date"], DATE)
