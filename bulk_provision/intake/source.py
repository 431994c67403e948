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
from bulk_provision.intake.exports.export import AUTO
from bulk_provision.model import FOLDER_EXPORTS

_CHUNK = 1 << 20
_FOLDERS = FOLDER_EXPORTS | {AUTO}
SIZE_LIMIT = 2 << 30
"""Bytes of a source: ten million lines of 200. A device, or a pipe, may never end."""


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
    def base_name(self) -> str:
        """The name without its folder; "" for standard input."""
        return "" if self.name == "-" else Path(self.name).name

    @property
    def shown(self) -> str:
        """The name for messages."""
        return _shown(self.name)


def open_source(name: str, stdin: BinaryIO | None = None, system: str | None = None) -> Source:
    """Open a file by its name, or standard input ("-").

    What is not a regular file (standard input, a pipe) is first copied to an unnamed temporary
    file, so that it can be read more than once with little memory.

    Args:
        name: a path, or "-".
        stdin: what to read for "-"; the process's own standard input when None.
        system: whose export it is, as `--from` says; files that belong together are one source.

    Raises:
        SourceError: it cannot be opened.
    """
    suffix = ""
    may_be_several = name.lower().endswith(".conf") or system in _FOLDERS
    if may_be_several and (packed := _together(Path(name), system)) is not None:
        return Source(name, packed, _digest(packed, name), "")
    if name == "-":
        file, digest = _spool(stdin if stdin is not None else sys.stdin.buffer, name)
    else:
        file = _open(name)
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            suffix = Path(name).suffix.lower()
            try:
                digest = _digest(file, name)
            except BaseException:
                file.close()
                raise
        else:
            with file:
                file, digest = _spool(file, name)
    return Source(name, file, digest, suffix)


def _together(path: Path, system: str | None) -> BinaryIO | None:
    """Return the files that belong together, packed; None if it is one file."""
    from bulk_provision.intake.folders import (  # noqa: PLC0415 - seldom needed
        packed_folder,
        packed_with_includes,
    )

    try:
        if path.is_dir():
            return packed_folder(path) if system in _FOLDERS else None
        if path.suffix.lower() == ".conf" and path.is_file():
            return packed_with_includes(path)
    except ValueError:  # a NUL in the name: whoever opens it says so
        return None
    return None


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


def _chunks(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield what a source holds.

    Raises:
        SourceError: it cannot be read, or has more than a source may have.
    """
    size = 0
    while True:
        try:
            chunk = file.read(_CHUNK)
        except OSError as error:
            raise SourceError(
                f"{_shown(name)}: it cannot be read ({error.strerror or error}).",
                "Copy the spreadsheet to a disk of this computer, and give that file.",
            ) from None
        if not chunk:
            return
        size += len(chunk)
        if size > SIZE_LIMIT:
            raise SourceError(
                f"{_shown(name)}: it has more than {SIZE_LIMIT >> 20:,} MiB.",
                "Give the spreadsheet itself; split it if it is so large.",
            )
        yield chunk


def digest_of(source: Source) -> str:
    """Return the SHA-256 of a source's bytes as they are now, in hex; its file is at its start.

    Raises:
        SourceError: it cannot be read.
    """
    return _digest(source.file, source.name)


def _digest(file: BinaryIO, name: str) -> str:
    file.seek(0)
    hashed = hashlib.sha256()
    for chunk in _chunks(file, name):
        hashed.update(chunk)
    file.seek(0)
    return hashed.hexdigest()


def _spool(stream: BinaryIO, name: str) -> tuple[BinaryIO, str]:
    spooled: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the table closes it
    hashed = hashlib.sha256()
    try:
        for chunk in _chunks(stream, name):
            hashed.update(chunk)
            _keep(spooled, chunk, name)
        spooled.seek(0)
    except BaseException:
        spooled.close()
        raise
    return spooled, hashed.hexdigest()


def _keep(spooled: BinaryIO, chunk: bytes, name: str) -> None:
    try:
        spooled.write(chunk)
        spooled.flush()
    except OSError as error:
        raise SourceError(
            f"{_shown(name)}: no copy of it can be kept ({error.strerror or error}).",
            f"Make room in {tempfile.gettempdir()}, or set TMPDIR to a folder that has some.",
        ) from None
