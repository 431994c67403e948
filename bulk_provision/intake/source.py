"""The bytes of a source: opened, hashed, and recognised by what they are, not by their name."""

from __future__ import annotations

import difflib
import hashlib
import os
import stat
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from bulk_provision.errors import SourceError

_CHUNK = 1 << 20
_UNPACKED_LIMIT = 2 << 30  # bytes; a full worksheet of a million rows needs well under one GiB
_ZIP_ENTRIES = 10_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # .xls, and every password-protected .xlsx
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


class Kind(Enum):
    """What a file's content is."""

    TEXT = "text"
    XLSX = ".xlsx"
    XLSB = ".xlsb"
    XLS = ".xls"
    ODS = ".ods"


_SUFFIXES = {
    ".csv": Kind.TEXT,
    ".tsv": Kind.TEXT,
    ".txt": Kind.TEXT,
    ".xlsx": Kind.XLSX,
    ".xlsm": Kind.XLSX,
    ".xls": Kind.XLS,
    ".xlsb": Kind.XLSB,
    ".ods": Kind.ODS,
}
_SAVE_AS = "Open it in Excel or LibreOffice and save it as an Excel workbook (.xlsx)."
_FOREIGN = {
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"{\\rtf": "a rich text document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}


@dataclass(frozen=True, slots=True)
class Source:
    """An open input file.

    Args:
        name: as it was given; "-" for standard input.
        file: its bytes; seekable, at the start.
        sha256: of the bytes, in hex.
        kind: what the content is.
        suffix: the name's ending, lower case; "" for standard input and pipes.
    """

    name: str
    file: BinaryIO
    sha256: str
    kind: Kind
    suffix: str

    @property
    def shown(self) -> str:
        """The name for messages."""
        return _shown(self.name)


def open_source(name: str, stdin: BinaryIO | None = None) -> Source:
    """Open a file by its name, or standard input ("-"), and find out what it is.

    What is not a regular file (standard input, a pipe) is first copied to an unnamed temporary
    file, so that it can be read more than once with little memory.

    Args:
        name: a path, or "-".
        stdin: what to read for "-"; the process's own standard input when None.

    Raises:
        SourceError: it cannot be opened, is empty, or is nothing that can be read as a table.
    """
    suffix = ""
    if name == "-":
        file, digest = _spool(stdin if stdin is not None else sys.stdin.buffer)
    else:
        file = _open(name)
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            suffix = Path(name).suffix.lower()
            digest = _digest(file)
        else:
            with file:
                file, digest = _spool(file)
    try:
        kind = _kind(file, _shown(name))
        if suffix:
            _check_suffix(name, suffix, kind)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return Source(name, file, digest, kind, suffix)


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


def _digest(file: BinaryIO) -> str:
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


def _kind(file: BinaryIO, name: str) -> Kind:
    start = file.read(1024)
    if not start.strip():
        raise SourceError(
            f"{name}: the file is empty.",
            "Save the spreadsheet again; `bulk-provision template FILE.xlsx` makes one to fill in.",
        )
    if start.startswith(_OLE):
        return _ole_kind(file, name)
    if start.startswith(b"PK"):
        return _zip_kind(file, name)
    for magic, what in _FOREIGN.items():
        if start.startswith(magic):
            raise SourceError(f"{name}: this is {what}, not a spreadsheet.", _SAVE_AS)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise SourceError(
            f"{name}: this is a web page or XML, whatever its name says; its cells cannot be told "
            "for certain.",
            _SAVE_AS,
        )
    return Kind.TEXT


def _ole_kind(file: BinaryIO, name: str) -> Kind:
    before = start = b""
    file.seek(0)
    for chunk in _chunks(file):
        if _ENCRYPTED in before + chunk:
            raise SourceError(
                f"{name}: the workbook is protected with a password.",
                "Open it, take the password off (File > Info > Protect Workbook > Encrypt), and "
                "save it.",
            )
        before = chunk[-len(_ENCRYPTED) :]
        start = start or chunk
    return Kind.XLS


def _zip_kind(file: BinaryIO, name: str) -> Kind:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_size(entries, name)
            names = {entry.filename.lower() for entry in entries}
            mimetype = b""
            if "mimetype" in names:
                with archive.open("mimetype") as part:
                    mimetype = part.read(100)
    except _BROKEN_ZIP as error:
        raise SourceError(
            f"{name}: the file is damaged, or not completely copied ({error}).",
            f"Copy or download it again. {_SAVE_AS}",
        ) from None
    if mimetype.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
        return Kind.ODS
    if any(entry.endswith("workbook.bin") for entry in names):
        return Kind.XLSB
    if "[content_types].xml" in names and any(entry.endswith(".xml") for entry in names):
        return Kind.XLSX
    raise SourceError(f"{name}: this is an archive, but not a spreadsheet.", _SAVE_AS)


def _check_size(entries: list[zipfile.ZipInfo], name: str) -> None:
    """Refuse what would unpack into more than this machine should bear (a "zip bomb")."""
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > _UNPACKED_LIMIT or len(entries) > _ZIP_ENTRIES:
        raise SourceError(
            f"{name}: unpacked, the workbook would have {unpacked >> 20:,} MiB in {len(entries):,} "
            f"parts; at most {_UNPACKED_LIMIT >> 20:,} MiB in {_ZIP_ENTRIES:,} parts are read.",
            "Copy the table alone into a new workbook, or save it as CSV.",
        )


def _check_suffix(name: str, suffix: str, kind: Kind) -> None:
    claimed = _SUFFIXES.get(suffix)
    if claimed is None:
        raise SourceError(
            f"{name}: files that end in {suffix} cannot be read.",
            f"Readable are {', '.join(_SUFFIXES)}. {_SAVE_AS}",
        )
    if claimed is Kind.TEXT and kind is not Kind.TEXT:
        raise SourceError(
            f"{name}: this is a workbook with the name of a text file.",
            f"Rename it so that it ends in {kind.value}.",
        )
    if claimed is not Kind.TEXT and kind is Kind.TEXT:
        raise SourceError(
            f"{name}: this is a text file with the name of a workbook.",
            "If it is a table of text, rename it so that it ends in .csv.",
        )
