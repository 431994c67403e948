"""A source, read by a process of its own (`child`), as a book of sheets."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from bulk_provision.errors import SourceError
from bulk_provision.intake import wire
from bulk_provision.intake.books import Wishes
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

_SECONDS = 120.0  # for one answer; all of them together have the child's limit
_NEEDED = re.compile("(?:PATH|HOME|LANG|LC_.*|TMPDIR|LD_LIBRARY_PATH|PYTHON.*|OPENBLAS_.*)$")
_ROOT = str(Path(__file__).parents[2])
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from bulk_provision.intake.child import main; main()"
)


class ReadApart:
    """An open source, read by another process.

    Args:
        source: the file.
        wishes: how it is to be read.

    Raises:
        SourceError: the file is damaged, protected, no table, or asks for too much.
    """

    def __init__(self, source: Source, wishes: Wishes) -> None:
        self._name = source.shown
        self._owed = 0  # answers that were asked for and not yet taken
        self._serial = 0  # of the newest iteration: an older one is at an end
        self._child = _start(source.file)
        try:
            password = wishes.password.reveal() if wishes.password else None
            wanted = {
                "name": source.name,
                "suffix": source.suffix,
                "mapping": dict(wishes.mapping),
                "encoding": wishes.encoding,
                "password": password,
            }
            told = self._asked({"open": wanted})["sheets"]
        except BaseException:
            self.close()
            raise
        self.sheets: Sequence[Sheet] = tuple(
            SheetApart(self, number, sheet) for number, sheet in enumerate(told)
        )

    def notes(
        self, sheet: Sheet, credentials: Sequence[int], others: Sequence[int]
    ) -> list[Problem]:
        """Tell what is worth a warning about a sheet."""
        assert isinstance(sheet, SheetApart)
        wanted = [sheet.number, list(credentials), list(others)]
        return [Problem(*note) for note in self._asked({"notes": wanted})["notes"]]

    def records(self, number: int) -> Iterator[Record]:
        """Yield a sheet's records; the next ones are read while these are worked on."""
        self._serial += 1
        serial = self._serial
        answer = self._asked({"records": number})
        while True:
            if answer["more"]:
                self._ask({"more": True})
            yield from wire.unpacked(answer["records"])
            if not answer["more"]:
                return
            assert serial == self._serial, "this iteration was given up for another one"
            answer = self._taken()

    def close(self) -> None:
        """End the process; the source's file stays open."""
        child = self._child
        assert child.stdin is not None
        assert child.stdout is not None
        child.kill()
        child.wait()
        with suppress(OSError):
            child.stdin.close()
        child.stdout.close()

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request; earlier ones that nobody took are dropped."""
        while self._owed:
            self._taken()
        self._ask(request)
        return self._taken()

    def _ask(self, request: dict[str, Any]) -> None:
        pipe = self._child.stdin
        assert pipe is not None
        with suppress(BrokenPipeError):  # the answer, which does not come, tells why
            pipe.write(json.dumps(request).encode() + b"\n")
            pipe.flush()
        self._owed += 1

    def _taken(self) -> dict[str, Any]:
        self._owed -= 1
        until = time.monotonic() + _SECONDS
        try:
            head = self._bytes(wire.HEAD, until)
            answer = wire.message_of(head, self._bytes(wire.length_of(head), until))
        except ValueError:
            raise self._failed("what it told cannot be understood") from None
        if "error" in answer:
            what = str(answer["error"])
            shown = what if what.startswith(self._name) else f"{self._name}: {what}"
            raise SourceError(shown, str(answer["cure"]))
        return answer

    def _bytes(self, count: int, until: float) -> bytes:
        """Read so many bytes from the process."""
        pipe = self._child.stdout
        assert pipe is not None
        parts = []
        while count:
            ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise self._failed(f"it took longer than {_SECONDS:.0f} seconds")
            part = os.read(pipe.fileno(), min(count, 1 << 20))
            if not part:
                raise self._failed("it took too much memory or time, or went wrong")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _failed(self, why: str) -> SourceError:
        return SourceError(
            f"{self._name}: reading the file did not come to an end: {why}.",
            "If you trust the file: open it in Excel or LibreOffice, copy the table alone into a "
            "new workbook, and give that one.",
        )


class SheetApart:
    """One sheet of a book that is read by another process.

    Args:
        book: the book.
        number: which sheet, from 0.
        told: its name, and whether it is hidden and ragged.
    """

    def __init__(self, book: ReadApart, number: int, told: dict[str, Any]) -> None:
        self.number = number
        self.name = str(told["name"])
        self.hidden = bool(told["hidden"])
        self.ragged = bool(told["ragged"])
        self._book = book

    def records(self) -> Iterator[Record]:
        """Read from the top."""
        return self._book.records(self.number)


def _start(file: IO[bytes]) -> subprocess.Popen[bytes]:
    handle = file.fileno()
    os.lseek(handle, 0, os.SEEK_SET)
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-c", _START, _ROOT, str(handle)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(handle,),
        # Nothing but what Python needs: what a hostile file can do must not reach our secrets.
        env={name: value for name, value in os.environ.items() if _NEEDED.match(name)}
        | {"OPENBLAS_NUM_THREADS": "1"},  # each thread maps memory for itself
        bufsize=0,
    )
