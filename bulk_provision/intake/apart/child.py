"""A program of its own: reads one source, which may be hostile, and tells what is in it.

The libraries and formats do not bound what a file can ask of them: one of 6 KiB was seen to ask
for 160 GiB, which ends a process. So it is this process that ends, which has limits, none of the
parent's secrets in its environment, and nothing open but the source.

On standard input it gets requests, one JSON value a line; on standard output it answers each with
a message (`wire`). A message `{"error": …, "cure": …, "no_export": …}` is the last one.

    {"open": {…}}                → {"sheets": [{"name": …, "hidden": …, "ragged": …}, …],
                                    "export": whose it is, or null}
    {"records": number of sheet} → {"records": [record, …], "more": bool}
    {"more": true}               → the next records
    {"notes": [sheet, credentials, others]} → {"notes": [problem, …]}
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from threading import Thread
from typing import IO, Any

from bulk_provision.errors import NotAnExportError, SourceError
from bulk_provision.intake.apart.wire import (
    BATCH_ROWS,
    BATCH_WEIGHT,
    CELL_WEIGHT,
    FRAME_LIMIT,
    FrameTooLongError,
    framed,
    framed_records,
    is_plain,
)
from bulk_provision.intake.cells import storable
from bulk_provision.intake.exports.book import open_source_book
from bulk_provision.intake.readers.books import Wishes
from bulk_provision.intake.records import (
    SHEET_COLUMNS,
    SHEETS_LIMIT,
    TEXT_ROWS,
    Book,
    Record,
)
from bulk_provision.intake.source import Source
from bulk_provision.model import Secret

if sys.platform != "win32":
    import resource

MEMORY_LIMIT = 2 << 30
"""Bytes of address space."""
CPU_SECONDS = 600
OUTPUT_LIMIT = 8 << 30
"""Bytes of a temporary file."""
CELLS_LIMIT = 50_000_000
"""Cells of a sheet, blank ones among others too: a million rows of 50 columns."""
_DOUBTFUL = 10  # what a doubtful cell counts: so much longer it takes
TEXT_LIMIT = 2 << 30
"""Characters of a sheet. A cell that is written once can be repeated a billion times."""

_SAVE_AS = "Copy the table alone into a new workbook, or save it as CSV, and give that one."


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it at once, and without a word
    _limit()
    Thread(target=_end_with_parent, daemon=True).start()
    gc.set_threshold(50_000)  # records are no cycles; looking for some took a fifth of the time
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints must not get between the answers
    reading = Reading(int(sys.argv[1]))
    for line in requests:
        request = json.loads(line)
        try:
            frame = reading.answer(request)
        except SourceError as error:
            frame = _failure(error.what, error.cure, isinstance(error, NotAnExportError))
        except FrameTooLongError:
            what = f"there is a row or a list of sheets of more than {FRAME_LIMIT >> 20} MiB."
            frame = _failure(what, _SAVE_AS)
        except MemoryError:
            reading = Reading(-1)  # gives the memory back
            frame = _failure(f"reading it takes more than {_measure()}.", _SAVE_AS)
        answers.write(frame)
        answers.flush()


def _failure(what: str, cure: str, no_export: bool = False) -> bytes:
    return framed({"error": what, "cure": cure, "no_export": no_export})


def _measure() -> str:
    return f"{MEMORY_LIMIT >> 30} GiB of memory"


def _end_with_parent() -> None:
    """End this process when nobody is left who could ask: also in the middle of an answer."""
    if sys.platform != "win32":
        waiting = select.poll()
        waiting.register(sys.stdin.fileno(), 0)  # a hang-up is told in any case
        waiting.poll()
        os._exit(1)


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
            resource.setrlimit(what, (limit, resource.getrlimit(what)[1]))


class Reading:
    """A source being read.

    Args:
        handle: the source's file descriptor.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._name = ""
        self._book: Book | None = None
        self._records: Iterator[Record] = iter(())
        self._cells = self._characters = 0  # of the sheet, as far as it was read

    def answer(self, request: dict[str, Any]) -> bytes:
        """Return the frame for a request.

        Raises:
            SourceError: the source cannot be read (any further).
        """
        if "open" in request:
            return framed(self._open(request["open"]))
        assert self._book is not None
        if "notes" in request:
            sheet, credentials, others = request["notes"]
            found = self._book.notes(self._book.sheets[sheet], credentials, others)
            return framed({"notes": found})
        if "records" in request:
            self._records = iter(self._book.sheets[request["records"]].records())
            self._cells = self._characters = 0
        return self._batch()

    def _open(self, wanted: dict[str, Any]) -> dict[str, Any]:
        file: IO[bytes] = open(self._handle, "rb")  # noqa: PTH123, SIM115 - open to the end
        password = wanted["password"]
        wishes = Wishes(
            wanted["mapping"],
            wanted["encoding"],
            None if password is None else Secret(password),
            wanted["system"],
        )
        source = Source(wanted["name"], file, "", wanted["suffix"])  # type: ignore[arg-type]
        self._name = source.shown
        self._book, told = open_source_book(source, wishes)
        if len(self._book.sheets) > SHEETS_LIMIT:
            raise self._too_much(f"it has more than {SHEETS_LIMIT:,} sheets or tables")
        sheets = [
            {"name": storable(sheet.name), "hidden": sheet.hidden, "ragged": sheet.ragged}
            for sheet in self._book.sheets
        ]
        return {"sheets": sheets, "export": None if told is None else asdict(told)}

    def _batch(self) -> bytes:
        """Return the next records, as many as make a message of moderate size."""
        batch: list[Record] = []
        weight = 0
        more = False
        for record in self._records:
            number, cells, _ = record
            if number > TEXT_ROWS or len(cells) > SHEET_COLUMNS:
                raise self._too_large(number, len(cells))
            batch.append(record)
            weight += sum(map(len, cells)) + CELL_WEIGHT * len(cells)
            if len(batch) == BATCH_ROWS or weight > BATCH_WEIGHT:
                more = True
                break
        frame = framed_records(batch, more=more)
        self._count(batch, weight, plain=is_plain(frame))
        return frame

    def _count(self, batch: list[Record], weight: int, *, plain: bool) -> None:
        """Refuse a sheet that is small in the file alone: its rows would fill the ledger."""
        count = sum([len(cells) for _, cells, _ in batch])
        self._cells += count
        if not plain:
            doubtful = sum([type(cell) is not str for _, cells, _ in batch for cell in cells])
            self._cells += doubtful * (_DOUBTFUL - 1)
        self._characters += weight - CELL_WEIGHT * count
        if self._cells > CELLS_LIMIT:
            what = f"a sheet has more than {CELLS_LIMIT:,} cells"
            raise self._too_much(f"{what} (merged ones and dates count {_DOUBTFUL} times)")
        if self._characters > TEXT_LIMIT:
            raise self._too_much(f"a sheet has more than {TEXT_LIMIT >> 20:,} MiB of text")

    def _too_large(self, number: int, cells: int) -> SourceError:
        if cells > SHEET_COLUMNS:
            return self._too_much(
                f"row {number} has {cells:,} cells; at most {SHEET_COLUMNS:,} are read"
            )
        return self._too_much(f"it has more than {TEXT_ROWS:,} rows")

    def _too_much(self, what: str) -> SourceError:
        return SourceError(f"{self._name}: {what}.", "Split the file, or give the right one.")


if __name__ == "__main__":
    main()
