"""The bytes of a source: opened and hashed. What they are is found out apart (`kinds`)."""

from __future__ import annotations

import difflib
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bulk_provision.errors import SourceError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """An open input file.

    Args:
        name: as it was given; "-" for standard input.
        file: its bytes; seekable, at the start.
        sha256: of the bytes, in hex.
        suffix: the name's ending, lower case; "" for standard input and pipes.
    """

    name: str
    file: BinaryIO
    sha256: str
    suffix: str

    @property
    def shown(self) -> str:
        """The name for messages."""
        return _shown(self.name)


def open_source(name: str, stdin: BinaryIO | None = None) -> Source:
    """Open a file by its name, or standard input ("-").

    What is not a regular file (standard input, a pipe) is first copied to an unnamed temporary
    file, so that it can be read more than once with little memory.

    Args:
        name: a path, or "-".
        stdin: what to read for "-"; the process's own standard input when None.

    Raises:
        SourceError: it cannot be opened.
    """
    suffix = ""
    if name == "-":
        file, digest = _spool(stdin if stdin is not None else sys.stdin.buffer)
    else:
        file = _open(name)
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            suffix = Path(name).suffix.lower()
            digest = digest_of(file)
        else:
            with file:
                file, digest = _spool(file)
    return Source(name, file, digest, suffix)


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name


def _open(name: str) -> BinaryIO:
    path = Path(name)
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise SourceError(f"{name}: there is no such file.", _similar(path)) from None
    except IsADirectoryError:
        raise SourceError(
            f"{name}: this is a folder, not a file.", "Name the spreadsheet in it."
        ) from None
    except PermissionError:
        raise SourceError(
            f"{name}: this user may not read the file.",
            "Change its permissions, or close it where it is open.",
        ) from None
    except (OSError, ValueError) as error:  # ValueError: NUL in the name
        raise SourceError(f"{name!r}: the file cannot be opened ({error}).") from None


def _similar(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return "Check the path."
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {path.parent / close[0]}?" if close else "Check the path."


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def digest_of(file: BinaryIO) -> str:
    """Return the SHA-256 of a file's bytes, in hex; the file is at its start then."""
    file.seek(0)
    hashed = hashlib.sha256()
    for chunk in _chunks(file):
        hashed.update(chunk)
    file.seek(0)
    return hashed.hexdigest()


def _spool(stream: BinaryIO) -> tuple[BinaryIO, str]:
    spooled: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the table closes it
    hashed = hashlib.sha256()
    try:
        for chunk in _chunks(stream):
            hashed.update(chunk)
            spooled.write(chunk)
    except BaseException:
        spooled.close()
        raise
    spooled.seek(0)
    return spooled, hashed.hexdigest()
