"""A source, read by a process of its own (`child`), as a book of sheets."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from bulk_provision.characters import printable
from bulk_provision.errors import NotAnExportError, SourceError, StoppedError
from bulk_provision.intake.apart import wire
from bulk_provision.intake.readers.books import Wishes
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import ExitCode, Problem

_T = TypeVar("_T")
_SECONDS = 120.0  # for one answer
_SECONDS_IN_ALL = 900.0  # spent in waiting; the child's own limit counts computing alone
_ERROR_LIMIT = 2000  # characters
_NEEDED = re.compile("(?:PATH|HOME|LANG|LC_.*|TMPDIR|LD_LIBRARY_PATH|PYTHON.*|OPENBLAS_.*)$")
_ROOT = str(Path(__file__).parents[3])
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from bulk_provision.intake.apart.child import main; main()"
)


class ReadApart:
    """An open source, read by another process.

    Args:
        source: the file.
        wishes: how it is to be read.

    Attributes:
        told: whose export it is; None for a table of nobody's.

    Raises:
        SourceError: the file is damaged, protected, no table, or asks for too much.
    """

    def __init__(self, source: Source, wishes: Wishes) -> None:
        self._name = source.shown
        self._owed = 0  # answers that were asked for and not yet taken
        self._serial = 0  # of the newest iteration: an older one is at an end
        self._patience = _SECONDS_IN_ALL
        self._child = _start(source.file)
        try:
            password = wishes.password.reveal() if wishes.password else None
            wanted = {
                "name": source.name,
                "suffix": source.suffix,
                "mapping": dict(wishes.mapping),
                "encoding": wishes.encoding,
                "password": password,
                "system": wishes.system,
            }
            answer = self._asked({"open": wanted})
            sheets = self._understood(answer.sheets)
            self.told = self._understood(answer.told)
        except BaseException:
            self.close()
            raise
        self.sheets: Sequence[Sheet] = tuple(
            SheetApart(self, number, *sheet) for number, sheet in enumerate(sheets)
        )

    def notes(
        self, sheet: Sheet, credentials: Sequence[int], others: Sequence[int]
    ) -> list[Problem]:
        """Tell what is worth a warning about a sheet."""
        assert isinstance(sheet, SheetApart)
        wanted = [sheet.number, list(credentials), list(others)]
        return self._understood(self._asked({"notes": wanted}).notes)

    def records(self, number: int) -> Iterator[Record]:
        """Yield a sheet's records; the next ones are read while these are worked on."""
        self._serial += 1
        serial = self._serial
        answer = self._asked({"records": number})
        last = 0
        while True:
            records, more = self._understood(partial(answer.records, last))
            if more:
                self._ask({"more": True})
                last = records[-1][0]
            yield from records
            if not more:
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

    def _asked(self, request: dict[str, Any]) -> wire.Message:
        """Return the answer to a request; earlier ones that nobody took are dropped."""
        while self._owed:
            self._taken()
        self._ask(request)
        return self._taken()

    def _ask(self, request: dict[str, Any]) -> None:
        pipe = self._child.stdin
        assert pipe is not None
        rest = memoryview(json.dumps(request).encode() + b"\n")
        until = time.monotonic() + _SECONDS
        with suppress(BrokenPipeError):  # the answer, which does not come, tells why
            while rest:
                self._wait(pipe, selectors.EVENT_WRITE, until)
                rest = rest[os.write(pipe.fileno(), rest) :]
        self._owed += 1

    def _taken(self) -> wire.Message:
        self._owed -= 1
        until = time.monotonic() + _SECONDS
        head = self._bytes(wire.HEAD, until)
        length = self._understood(partial(wire.length_of, head))
        content = self._bytes(length, until)
        answer = self._understood(partial(wire.Message, head, content))
        if failure := self._understood(lambda: answer.failure):
            raise self._told(failure)
        return answer

    def _understood(self, meaning: Callable[[], _T]) -> _T:
        """Return what a message means; one that makes no sense is the file's doing."""
        try:
            return meaning()
        except ValueError:
            raise self._failed("what the process told makes no sense") from None

    def _told(self, failure: wire.Failure) -> SourceError:
        what = printable(failure.what.removeprefix(self._name)[:_ERROR_LIMIT])
        between = "" if failure.what.startswith(self._name) else ": "
        kind = NotAnExportError if failure.is_no_export else SourceError
        return kind(self._name + between + what, printable(failure.cure[:_ERROR_LIMIT]))

    def _bytes(self, count: int, until: float) -> bytes:
        """Read so many bytes from the process."""
        pipe = self._child.stdout
        assert pipe is not None
        parts = []
        while count:
            self._wait(pipe, selectors.EVENT_READ, until)
            part = os.read(pipe.fileno(), min(count, 1 << 20))
            if not part:
                raise self._ended()
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _wait(self, pipe: IO[bytes], event: int, until: float) -> None:
        """Wait until the process takes or gives something."""
        began = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, event)
            ready = selector.select(max(0.0, min(until - began, self._patience)))
        self._patience -= time.monotonic() - began
        if not ready:
            raise self._failed(f"it took longer than {_SECONDS:.0f} seconds")

    def _ended(self) -> Exception:
        """Say why the process is no more; one that only fell silent is ended."""
        self._child.kill()
        if self._child.wait() == -signal.SIGINT:  # Ctrl-C is meant for both of us
            return StoppedError("interrupted by Ctrl-C", ExitCode.INTERRUPTED)
        return self._failed("it took too much memory or time, or went wrong")

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
        name: the sheet's.
        hidden: whether it is out of sight.
        ragged: whether a line's number of cells means something.
    """

    def __init__(self, book: ReadApart, number: int, name: str, hidden: bool, ragged: bool) -> None:
        self.number = number
        self.name = name
        self.hidden = hidden
        self.ragged = ragged
        self._book = book

    def records(self) -> Iterator[Record]:
        """Read from the top."""
        return self._book.records(self.number)


def _start(file: IO[bytes]) -> subprocess.Popen[bytes]:
    handle = file.fileno()
    os.lseek(handle, 0, os.SEEK_SET)
    child = subprocess.Popen(  # noqa: S603 - our own program
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
    assert child.stdin is not None
    os.set_blocking(child.stdin.fileno(), False)  # a process that is stopped takes nothing
    return child
