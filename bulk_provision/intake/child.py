"""A program of its own: reads one source, which may be hostile, and tells what is in it.

The libraries and formats do not bound what a file can ask of them: one of 6 KiB was seen to ask
for 160 GiB, which ends a process. So it is this process that ends, which has limits, none of the
parent's secrets in its environment, and nothing open but the source.

On standard input it gets requests, one JSON value a line; on standard output it answers each with
a message (`wire`). A message `{"error": …, "cure": …}` is the last one.

    {"open": {…}}                → {"sheets": [{"name": …, "hidden": …, "ragged": …}, …]}
    {"records": number of sheet} → {"records": [record, …], "more": bool}
    {"more": true}               → the next records
    {"notes": [sheet, credentials, others]} → {"notes": [problem, …]}
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

from bulk_provision.errors import SourceError
from bulk_provision.intake.books import Wishes, open_book
from bulk_provision.intake.records import SHEET_COLUMNS, Book, Record
from bulk_provision.intake.source import Source
from bulk_provision.intake.wire import FrameTooLongError, framed, framed_records
from bulk_provision.model import Secret

if sys.platform != "win32":
    import resource

MEMORY_LIMIT = 2 << 30
"""Bytes of address space."""
CPU_SECONDS = 600
OUTPUT_LIMIT = 8 << 30
"""Bytes of a temporary file."""
ROWS_LIMIT = 10_000_000
"""Rows of a text file; worksheets end sooner."""

_BATCH_ROWS = 1000
_BATCH_CHARACTERS = 1 << 20
_SAVE_AS = "Copy the table alone into a new workbook, or save it as CSV, and give that one."


def main() -> None:
    """Answer requests until there are no more."""
    _limit()
    gc.set_threshold(50_000)  # records are no cycles; looking for some took a fifth of the time
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints must not get between the answers
    reading = Reading(int(sys.argv[1]))
    for line in requests:
        request = json.loads(line)
        try:
            frame = reading.answer(request)
        except SourceError as error:
            frame = framed({"error": error.what, "cure": error.cure})
        except (MemoryError, FrameTooLongError):
            reading = Reading(-1)  # gives the memory back
            frame = framed({"error": f"reading it takes more than {_measure()}.", "cure": _SAVE_AS})
        answers.write(frame)
        answers.flush()


def _measure() -> str:
    return f"{MEMORY_LIMIT >> 30} GiB of memory"


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
        return self._batch()

    def _open(self, wanted: dict[str, Any]) -> dict[str, Any]:
        file: IO[bytes] = open(self._handle, "rb")  # noqa: PTH123, SIM115 - open to the end
        password = wanted["password"]
        wishes = Wishes(
            wanted["mapping"], wanted["encoding"], None if password is None else Secret(password)
        )
        source = Source(wanted["name"], file, "", wanted["suffix"])  # type: ignore[arg-type]
        self._name = source.shown
        self._book = open_book(source, wishes)
        sheets = [
            {"name": sheet.name, "hidden": sheet.hidden, "ragged": sheet.ragged}
            for sheet in self._book.sheets
        ]
        return {"sheets": sheets}

    def _batch(self) -> bytes:
        """Return the next records, as many as make a message of moderate size."""
        batch: list[Record] = []
        size = 0
        more = False
        for record in self._records:
            number, cells, _ = record
            if number > ROWS_LIMIT or len(cells) > SHEET_COLUMNS:
                raise self._too_much(number, len(cells))
            batch.append(record)
            size += sum(map(len, cells))
            if len(batch) == _BATCH_ROWS or size > _BATCH_CHARACTERS:
                more = True
                break
        return framed_records(batch, more=more)

    def _too_much(self, number: int, cells: int) -> SourceError:
        if cells > SHEET_COLUMNS:
            what = f"row {number} has {cells:,} cells; at most {SHEET_COLUMNS:,} are read"
        else:
            what = f"it has more than {ROWS_LIMIT:,} rows"
        return SourceError(f"{self._name}: {what}.", "Split the file, or give the right one.")


if __name__ == "__main__":
    main()
